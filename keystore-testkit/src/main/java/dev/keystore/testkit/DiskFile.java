package dev.keystore.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A file of a simulated disk: the versions of its pages and its size since it was last forced. Any of them may be left
 * after power loss.
 *
 * <p>A page persists in one of its versions, or torn between two of them. Forcing a file covers the data that was
 * written before the call began. When it fails, the pages count as written although they are not: the next call does
 * not write them, even if it succeeds.
 */
final class DiskFile {

    private static final int SECTOR_BYTES = 512;
    private static final int TORN_ONE_IN = 8;

    /** The bytes of a page from a time on. */
    private record PageVersion(long time, byte[] bytes, boolean isCut, boolean isLost) {

        PageVersion lost() {
            return new PageVersion(time, bytes, isCut, true);
        }
    }

    /** The size of the file from a time on, and whether the file was truncated to it. */
    private record SizeVersion(long time, long bytes, boolean isCut) {}

    private final SortedMap<Long, List<PageVersion>> pages = new TreeMap<>();
    private final List<SizeVersion> sizes = new ArrayList<>(List.of(new SizeVersion(-1, 0, false)));
    private boolean mapped;

    void write(long time, long offset, byte[] bytes) {
        int written = 0;
        while (written < bytes.length) {
            long number = (offset + written) / DiskPage.BYTES;
            int at = (int) ((offset + written) % DiskPage.BYTES);
            int length = Math.min(DiskPage.BYTES - at, bytes.length - written);
            byte[] page = newest(number).clone();
            System.arraycopy(bytes, written, page, at, length);
            add(
                    number,
                    new PageVersion(time, Arrays.equals(page, DiskPage.ZEROS) ? DiskPage.ZEROS : page, false, false));
            written += length;
        }
        if (offset + bytes.length > size()) {
            sizes.add(new SizeVersion(time, offset + bytes.length, false));
        }
    }

    void resize(long time, long size) {
        boolean isCut = size < size();
        if (isCut) {
            for (long number : pages.keySet()) {
                if ((number + 1) * DiskPage.BYTES > size) {
                    byte[] page = number * DiskPage.BYTES >= size
                            ? DiskPage.ZEROS
                            : Arrays.copyOf(
                                    Arrays.copyOf(newest(number), (int) (size % DiskPage.BYTES)), DiskPage.BYTES);
                    add(number, new PageVersion(time, page, true, false));
                }
            }
        }
        if (size != size()) {
            sizes.add(new SizeVersion(time, size, isCut));
        }
    }

    void map() {
        mapped = true;
    }

    /** Sets the bytes of a mapped file, which are known again. */
    void settle(long time, byte[] bytes, boolean isForced) {
        mapped = false;
        resize(time, bytes.length);
        write(time, 0, bytes);
        if (isForced) {
            force(time);
        }
    }

    /** Makes the data that was written until a time durable, except data that an earlier failure lost. */
    void force(long time) {
        for (List<PageVersion> versions : pages.values()) {
            int durable = 0;
            for (int i = 1; i < versions.size(); i++) {
                if (versions.get(i).time() <= time && !versions.get(i).isLost()) {
                    durable = i;
                }
            }
            versions.subList(0, durable).clear();
        }
        int durable = 0;
        for (int i = 1; i < sizes.size(); i++) {
            if (sizes.get(i).time() <= time) {
                durable = i;
            }
        }
        sizes.subList(0, durable).clear();
    }

    /** Makes it uncertain whether data that was written until a time is durable, even if the file is forced later. */
    void failToForce(long time) {
        for (List<PageVersion> versions : pages.values()) {
            for (int i = 1; i < versions.size(); i++) {
                if (versions.get(i).time() <= time) {
                    versions.set(i, versions.get(i).lost());
                }
            }
        }
    }

    /** Returns the content that processes see. */
    DiskImage.Content cached() {
        SortedMap<Long, byte[]> content = new TreeMap<>();
        pages.forEach((number, versions) -> {
            if (number * DiskPage.BYTES < size()) {
                content.put(number, newest(number));
            }
        });
        return new DiskImage.Content(size(), content, mapped);
    }

    /** Returns the content after a power loss. */
    DiskImage.Content after(DiskLoss loss, SplittableRandom random) {
        int sizeIndex = switch (loss.data()) {
            case NONE -> 0;
            case SOME -> random.nextInt(sizes.size());
            case ALL, ALL_BUT_TORN, SIZES -> sizes.size() - 1;
        };
        SizeVersion size = sizes.get(sizeIndex);
        MappedChange unseen =
                mapped ? MappedChange.values()[random.nextInt(MappedChange.values().length)] : MappedChange.NONE;
        Long torn = loss.data() == DiskLoss.DataChanges.ALL_BUT_TORN ? pageToTear(random) : null;
        SortedMap<Long, byte[]> content = new TreeMap<>();
        pages.forEach((number, versions) -> {
            if (number * DiskPage.BYTES < size.bytes()) {
                List<PageVersion> possible = possible(loss.ordering(), number, versions, sizeIndex);
                byte[] page = choose(loss.data(), possible, number.equals(torn), random);
                content.put(number, unseen.change(page, random));
            }
        });
        return new DiskImage.Content(size.bytes(), content, mapped);
    }

    private long size() {
        return sizes.get(sizes.size() - 1).bytes();
    }

    private byte[] newest(long number) {
        List<PageVersion> versions = pages.get(number);
        return versions == null
                ? DiskPage.ZEROS
                : versions.get(versions.size() - 1).bytes();
    }

    private void add(long number, PageVersion version) {
        pages.computeIfAbsent(
                        number, absent -> new ArrayList<>(List.of(new PageVersion(-1, DiskPage.ZEROS, false, false))))
                .add(version);
    }

    /** Returns the versions of a page that are possible together with a size. */
    private List<PageVersion> possible(
            DiskLoss.Ordering ordering, long number, List<PageVersion> versions, int sizeIndex) {
        long sizeTime = sizes.get(sizeIndex).time();
        long nextCut = sizes.stream()
                .skip(sizeIndex + 1)
                .filter(SizeVersion::isCut)
                .mapToLong(SizeVersion::time)
                .findFirst()
                .orElse(Long.MAX_VALUE);
        boolean isNew = number * DiskPage.BYTES >= sizes.get(0).bytes();
        int from = 0;
        int to = 1;
        for (int i = 1; i < versions.size(); i++) {
            PageVersion version = versions.get(i);
            if (version.time() < nextCut) {
                to = i + 1;
            }
            // Truncated bytes do not come back, and ext4 writes data before the size that makes it visible.
            if (version.time() <= sizeTime && (version.isCut() || (isNew && ordering == DiskLoss.Ordering.ORDERED))) {
                from = i;
            }
        }
        return versions.subList(from, Math.max(to, from + 1));
    }

    private static byte[] choose(
            DiskLoss.DataChanges data, List<PageVersion> possible, boolean torn, SplittableRandom random) {
        int last = possible.size() - 1;
        return switch (data) {
            case NONE, SIZES -> possible.get(0).bytes();
            case ALL -> possible.get(last).bytes();
            case ALL_BUT_TORN ->
                torn && last > 0
                        ? tear(possible, last, random)
                        : possible.get(last).bytes();
            case SOME -> {
                int chosen = random.nextInt(possible.size());
                yield chosen > 0 && random.nextInt(TORN_ONE_IN) == 0
                        ? tear(possible, chosen, random)
                        : possible.get(chosen).bytes();
            }
        };
    }

    /** Returns a mix of the sectors of a version and an earlier one. */
    private static byte[] tear(List<PageVersion> possible, int newer, SplittableRandom random) {
        byte[] page = possible.get(newer).bytes().clone();
        byte[] older = possible.get(random.nextInt(newer)).bytes();
        int cut = random.nextInt(DiskPage.BYTES / SECTOR_BYTES + 1) * SECTOR_BYTES;
        if (random.nextInt(3) == 0) {
            System.arraycopy(older, 0, page, 0, cut);
        } else {
            System.arraycopy(older, cut, page, cut, DiskPage.BYTES - cut);
        }
        return page;
    }

    /** Returns the number of one of the pages that were written last and are not durable. */
    private @Nullable Long pageToTear(SplittableRandom random) {
        List<Long> candidates = new ArrayList<>();
        long last = 0;
        for (Map.Entry<Long, List<PageVersion>> page : pages.entrySet()) {
            List<PageVersion> versions = page.getValue();
            long time = versions.get(versions.size() - 1).time();
            if (versions.size() > 1 && time >= last) {
                if (time > last) {
                    candidates.clear();
                }
                last = time;
                candidates.add(page.getKey());
            }
        }
        return candidates.isEmpty() ? null : candidates.get(random.nextInt(candidates.size()));
    }

    /** How the pages of a mapped file have changed since a call last wrote them. */
    private enum MappedChange {
        NONE,
        ZEROED,
        GARBAGE;

        byte[] change(byte[] page, SplittableRandom random) {
            if (this == NONE || random.nextInt(4) == 0) {
                return page;
            }
            byte[] changed = new byte[DiskPage.BYTES];
            if (this == GARBAGE) {
                random.nextBytes(changed);
            }
            return changed;
        }
    }
}
