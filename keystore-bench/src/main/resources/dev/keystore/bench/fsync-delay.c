/*
 * A library for LD_PRELOAD: fsync, fdatasync and a synchronous msync take FSYNC_DELAY_MICROS at least.
 *
 * The thread sleeps, as it does while a disk works, so the processor is free for other threads.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NANOS_PER_SECOND 1000000000L

static long delay_nanos;

__attribute__((constructor)) static void read_delay(void) {
    const char *micros = getenv("FSYNC_DELAY_MICROS");
    delay_nanos = micros == NULL ? 0 : atol(micros) * 1000L;
}

static struct timespec end_of_delay(void) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += delay_nanos;
    until.tv_sec += until.tv_nsec / NANOS_PER_SECOND;
    until.tv_nsec %= NANOS_PER_SECOND;
    return until;
}

static int wait_until(struct timespec until, long result) {
    int error = errno;
    /* By default, the kernel wakes a thread up to 50 microseconds late. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
    errno = error;
    return (int) result;
}

int fsync(int file) {
    struct timespec until = end_of_delay();
    return wait_until(until, syscall(SYS_fsync, file));
}

int fdatasync(int file) {
    struct timespec until = end_of_delay();
    return wait_until(until, syscall(SYS_fdatasync, file));
}

int msync(void *address, size_t length, int flags) {
    struct timespec until = end_of_delay();
    long result = syscall(SYS_msync, address, length, flags);
    return flags & MS_SYNC ? wait_until(until, result) : (int) result;
}
