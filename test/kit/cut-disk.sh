#!/bin/sh
# A disk whose power can be cut: `cut-disk.sh FOLDER SIZE [IMAGE]`. An ext4 file system on a loop device, on a file that
# nbdfuse shows, of an NBD server whose cache is written to FOLDER/image only when the kernel asks it to flush. Where
# the server is killed, what was not synced is gone, as it is when the power goes.
#
# It does what it is told, line by line, and answers each with a line: `on` mounts it at FOLDER/mount, `cut` cuts the
# power, and so does `tear`, in the middle of a flush, of which the first block is there then; where none comes in ten seconds,
# the answer is `whole`. At the end of what it is told, which is also the end of whoever tells it, nothing is left of it, FOLDER
# included.
set -u
folder=$1
image=$folder/image
device=$folder/device
mount=$folder/mount
socket=$folder/socket
# Bits a second at which is flushed; as fast as it goes while it is not there.
rate=$folder/rate
# A block of 64 KiB at once, and then two seconds for each.
TORN_RATE=262144
server=
shown=
# Where the server has what is not flushed.
TMPDIR=$folder
export TMPDIR

say() { printf '%s\n' "$*"; }

# patiently TEST FILE: until it holds, for ten seconds.
patiently() {
  tries=0
  until [ "$1" "$2" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 500 ] || return 1
    sleep 0.02
  done
}

on() {
  rm -f "$socket" "$rate"
  nbdkit --foreground --unix "$socket" --filter=cache --filter=rate file "file=$image" cache=writeback rate-file="$rate" \
    </dev/null >>"$folder/log" 2>&1 &
  server=$!
  patiently -S "$socket" || return 1
  nbdfuse "$device" --unix "$socket" </dev/null >>"$folder/log" 2>&1 &
  shown=$!
  patiently -s "$device" || return 1
  # Nothing becomes durable because time has passed.
  mount -o loop,commit=3600 "$device" "$mount" >>"$folder/log" 2>&1
}

cut() {
  [ -z "$server" ] || kill -KILL "$server"
  [ -z "$shown" ] || kill -KILL "$shown"
  wait
  # The loop device goes with the last use of the file system.
  umount -l "$mount"
  umount -l "$device"
  server=
  shown=
} 2>>"$folder/log"

# Says whether a flush was under way.
tear() {
  before=$(changed)
  say "$TORN_RATE" >"$rate"
  tries=0
  until [ "$(changed)" != "$before" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 500 ] || break
    sleep 0.02
  done
  cut
  [ "$tries" -lt 500 ]
}

# When anything was last written to what outlasts the power.
changed() {
  stat -c %y "$image"
}

mkdir "$mount"
: >"$device"
if [ $# -gt 2 ]; then
  cp --sparse=always "$3" "$image"
else
  truncate -s "$2" "$image"
  mkfs.ext4 -q -F "$image" >>"$folder/log" 2>&1
fi
while read -r order; do
  if [ "$order" = on ] && ! on; then
    say "failed: $(tail -n 5 "$folder/log" | tr '\n' ' ')"
    continue
  fi
  [ "$order" != cut ] || cut
  if [ "$order" = tear ] && ! tear; then
    say whole
    continue
  fi
  say "$order"
done
cut
rm -rf "$folder"
