set -eu
cat >/tmp/sentinel.conf <<END
protected-mode no
sentinel resolve-hostnames yes
sentinel monitor broker primary 6379 1
END
exec redis-server /tmp/sentinel.conf --sentinel
