#!/bin/sh
# A disk whose power can be cut: `cut-disk.sh FOLDER SIZE [IMAGE]`. An ext4 file system on a loop device, on a file that
# nbdfuse shows, of an NBD server whose cache is written to FOLDER/image only when the kernel asks it to flush. Where
# the server is killed, what was not synced is gone, as it is when the power goes.
#
# It does what it is told, line by line, and answers each with a line: `on` mounts it at FOLDER/mount, `cut` cuts the
# power. At the end of what it is told, which is also the end of whoever tells it, nothing is left of it, FOLDER
# included.
set -u
folder=$1
image=$folder/image
device=$folder/device
mount=$folder/mount
socket=$folder/socket
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
  rm -f "$socket"
  nbdkit --foreground --unix "$socket" --filter=cache file "file=$image" cache=writeback \
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
  say "$order"
done
cut
rm -rf "$folder"
