#!/bin/sh
# Leaves nothing of a run, however it ends: `afterwards.sh FOLDER`. It is told the data directory of the node, in a line.
# At the end of its standard input, which is also the end of whoever started it, it kills every process that names that
# directory, takes off what is mounted in FOLDER, and removes FOLDER, the control groups that are called like it, and clocks.
set -u
folder=$1
read -r data || data=
while read -r _; do :; done
for process in /proc/[0-9]*; do
  pid=${process#/proc/}
  [ -n "$data" ] && [ "$pid" != $$ ] || continue
  grep -qsF "$data" "$process/environ" "$process/cmdline" && kill -KILL "$pid"
done 2>/dev/null
umount -l "$folder/disk" 2>/dev/null
tries=0
for group in /sys/fs/cgroup/memory/"${folder##*/}"-* /sys/fs/cgroup/"${folder##*/}"-*; do
  # Its members are ending.
  until [ ! -d "$group" ] || rmdir "$group" 2>/dev/null || [ "$tries" -ge 100 ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
done
# A clock that was broken for a process that has ended, anybody's, is nobody's.
for clock in /dev/shm/faketime_shm_* /dev/shm/sem.faketime_sem_*; do
  [ -e "$clock" ] && [ ! -d "/proc/${clock##*_}" ] && rm -f "$clock"
done
rm -rf "$folder"
