#!/bin/bash
# Runs in namespaces of its own (see namespace.ts), as uid 0 of a user namespace: it makes a "host" that may be
# harmed, then becomes the worker. Nothing of the machine's disk can be written to from here on.
# Usage: enter.sh PROFILE LOOPBACK_ADDRESS PROGRAM ARGUMENT...
set -eu
profile=$1 metadata=$2
shift 2
mount --make-rprivate /
# The checkout may lie under what is hidden next.
mount --bind "$CHECKOUT" /srv
for place in /tmp /var/tmp /dev/shm /root /home /opt; do
  mount -t tmpfs -o size=512m,nr_inodes=100k,mode=1777 none "$place"
done
echo "root:$HOST_SECRET:::::::" > /opt/shadow
chmod 600 /opt/shadow
mount --bind /opt/shadow /etc/shadow
mount -o remount,bind,ro /
mount -o remount,bind,ro /srv
ip link set lo up
ip addr add "$metadata/32" dev lo
echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start

mkdir -p "$HOME/.ssh" /opt/host/bin /opt/host/plain
echo "$HOST_SECRET" > "$HOME/.ssh/id_ed25519"
echo "$HOST_SECRET" > "$HOME/.modal.toml"
echo "$HOST_SECRET" > "$HOME/precious.txt"
echo "$HOST_SECRET" > /opt/host/inherited
cp /bin/true /opt/host/bin/setuid-tool
user=0
[ "$profile" = root ] || user=1000
chown -R "$user:$user" "$HOME" /opt/host
chmod 700 "$HOME"
chmod 755 /opt/host /opt/host/bin
chmod 4755 /opt/host/bin/setuid-tool
# Left open to the worker, as by a careless parent.
exec 40< /opt/host/inherited
# A bomb that nothing else stops ends here.
ulimit -u 1500
cd /
[ "$profile" = root ] && exec "$@"
exec setpriv --reuid 1000 --regid 1000 --clear-groups -- "$@"
