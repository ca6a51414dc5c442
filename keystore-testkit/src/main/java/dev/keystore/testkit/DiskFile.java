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
 * A file of a simulated disk: what its pages and its size have been since it was last forced, any of which may be what is
 * left after power loss.
 *
 * <p>A page persists as it was at some moment, or torn between two of them. Forcing covers what was written before it
 * began. When it fails, the pages count as written and are not: the next one, though it succeeds, does not write them.
 */
final class DiskFile {

    static final int PAGE_BYTES = 4096;
    static final byte[] ZEROS = new byte[PAGE_BYTES];

    private static final int SECTOR_BYTES = 512;
    private static final int TORN_ONE_IN = 8;

    /** What a page holds from a time on. */
    private record Version(long time, byte[] bytes, boolean isCut, boolean isLost) {

        Version lost() {
            return new Version(time, bytes, isCut, true);
        }
    }

    /** The size from a time on, and whether that is when the file became shorter. */
    private record Size(long time, long bytes, boolean isCut) {}

    private final SortedMap<Long, List<Version>> pages = new TreeMap<>();
    private final List<Size> sizes = new ArrayList<>(List.of(new Size(-1, 0, false)));
    private boolean mapped;

    void write(long time, long offset, byte[] bytes) {
        int written = 0;
        while (written < bytes.length) {
            long number = (offset + written) / PAGE_BYTES;
            int at = (int) ((offset + written) % PAGE_BYTES);
            int length = Math.min(PAGE_BYTES - at, bytes.length - written);
            byte[] page = newest(number).clone();
            System.arraycopy(bytes, written, page, at, length);
            add(number, new Version(time, Arrays.equals(page, ZEROS) ? ZEROS : page, false, false));
            written += length;
        }
        if (offset + bytes.length > size()) {
            sizes.add(new Size(time, offset + bytes.length, false));
        }
    }

    void resize(long time, long size) {
        boolean isCut = size < size();
        if (isCut) {
            for (long number : pages.keySet()) {
                if ((number + 1) * PAGE_BYTES > size) {
                    byte[] page = number * PAGE_BYTES >= size
                            ? ZEROS
                            : Arrays.copyOf(Arrays.copyOf(newest(number), (int) (size % PAGE_BYTES)), PAGE_BYTES);
                    add(number, new Version(time, page, true, false));
                }
            }
        }
        if (size != size()) {
            sizes.add(new Size(time, size, isCut));
        }
    }

    void map() {
        mapped = true;
    }

    /** Takes the bytes of a mapped file as known again. */
    void settle(long time, byte[] bytes, boolean isForced) {
        mapped = false;
        resize(time, bytes.length);
        write(time, 0, bytes);
        if (isForced) {
            force(time);
        }
    }

    /** Makes durable what was written until a time, except what an earlier failure lost. */
    void force(long time) {
        for (List<Version> versions : pages.values()) {
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

    /** Lets what was written until a time be written or not, whatever is forced later. */
    void failToForce(long time) {
        for (List<Version> versions : pages.values()) {
            for (int i = 1; i < versions.size(); i++) {
                if (versions.get(i).time() <= time) {
                    versions.set(i, versions.get(i).lost());
                }
            }
        }
    }

    /** Returns what the running system reads. */
    DiskImage.Content cached() {
        SortedMap<Long, byte[]> content = new TreeMap<>();
        pages.forEach((number, versions) -> {
            if (number * PAGE_BYTES < size()) {
                content.put(number, newest(number));
            }
        });
        return new DiskImage.Content(size(), content, mapped);
    }

    /** Returns what is left after a loss. */
    DiskImage.Content after(DiskLoss loss, SplittableRandom random) {
        int sizeIndex = switch (loss.data()) {
            case NONE -> 0;
            case SOME -> random.nextInt(sizes.size());
            case ALL, ALL_BUT_TORN, SIZES -> sizes.size() - 1;
        };
        Size size = sizes.get(sizeIndex);
        Unseen unseen = mapped ? Unseen.values()[random.nextInt(Unseen.values().length)] : Unseen.NOTHING;
        Long torn = loss.data() == DiskLoss.Data.ALL_BUT_TORN ? pageToTear(random) : null;
        SortedMap<Long, byte[]> content = new TreeMap<>();
        pages.forEach((number, versions) -> {
            if (number * PAGE_BYTES < size.bytes()) {
                List<Version> possible = possible(loss.model(), number, versions, sizeIndex);
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
        List<Version> versions = pages.get(number);
        return versions == null ? ZEROS : versions.get(versions.size() - 1).bytes();
    }

    private void add(long number, Version version) {
        pages.computeIfAbsent(number, absent -> new ArrayList<>(List.of(new Version(-1, ZEROS, false, false))))
                .add(version);
    }

    /** Returns what a page may hold where a size is the one that persisted. */
    private List<Version> possible(DiskLoss.Model model, long number, List<Version> versions, int sizeIndex) {
        long sizeTime = sizes.get(sizeIndex).time();
        long nextCut = sizes.stream()
                .skip(sizeIndex + 1)
                .filter(Size::isCut)
                .mapToLong(Size::time)
                .findFirst()
                .orElse(Long.MAX_VALUE);
        boolean isNew = number * PAGE_BYTES >= sizes.get(0).bytes();
        int from = 0;
        int to = 1;
        for (int i = 1; i < versions.size(); i++) {
            Version version = versions.get(i);
            if (version.time() < nextCut) {
                to = i + 1;
            }
            // What was cut off stays cut off, and ext4 writes the data before the size that makes it visible.
            if (version.time() <= sizeTime && (version.isCut() || (isNew && model == DiskLoss.Model.ORDERED))) {
                from = i;
            }
        }
        return versions.subList(from, Math.max(to, from + 1));
    }

    private static byte[] choose(DiskLoss.Data data, List<Version> possible, boolean torn, SplittableRandom random) {
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

    /** Mixes the sectors of a version and an earlier one. */
    private static byte[] tear(List<Version> possible, int newer, SplittableRandom random) {
        byte[] page = possible.get(newer).bytes().clone();
        byte[] older = possible.get(random.nextInt(newer)).bytes();
        int cut = random.nextInt(PAGE_BYTES / SECTOR_BYTES + 1) * SECTOR_BYTES;
        if (random.nextInt(3) == 0) {
            System.arraycopy(older, 0, page, 0, cut);
        } else {
            System.arraycopy(older, cut, page, cut, PAGE_BYTES - cut);
        }
        return page;
    }

    /** Returns one of the pages that were written last and are not durable. */
    private @Nullable Long pageToTear(SplittableRandom random) {
        List<Long> candidates = new ArrayList<>();
        long last = 0;
        for (Map.Entry<Long, List<Version>> page : pages.entrySet()) {
            List<Version> versions = page.getValue();
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

    /** What became of the pages of a mapped file since they were last written by a call. */
    private enum Unseen {
        NOTHING,
        ZEROED,
        GARBAGE;

        byte[] change(byte[] page, SplittableRandom random) {
            if (this == NOTHING || random.nextInt(4) == 0) {
                return page;
            }
            byte[] changed = new byte[PAGE_BYTES];
            if (this == GARBAGE) {
                random.nextBytes(changed);
            }
            return changed;
        }
    }
}
