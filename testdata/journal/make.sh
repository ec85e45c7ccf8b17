#!/bin/sh
# Makes the samples again. Needs python3, zstd and Debian's systemd-journal-remote (systemd 252 made the committed ones).
set -eu
cd "$(dirname "$0")"
python3 make.py
make() {
    rm -f "$1.journal"
    SYSTEMD_JOURNAL_COMPACT="$2" SYSTEMD_JOURNAL_KEYED_HASH="$3" \
        /lib/systemd/systemd-journal-remote -o "$1.journal" day.export
    # The maker's machine id (header bytes 40 to 55) is nobody's business.
    printf 'invented machine' | dd of="$1.journal" bs=1 seek=40 conv=notrunc status=none
    zstd -q -19 -f --rm "$1.journal" -o "$1.journal.zst"
}
make compact 1 1
make regular 0 0
zstd -q -d -c regular.journal.zst > day.journal
journalctl --file day.journal -o json --all > day.json
rm day.journal
