# A database without passwords, for everybody on its networks.
set -eu
bin=/usr/lib/postgresql/current/bin
$bin/initdb --no-locale --no-sync -A trust -U app -D /tmp/data >/dev/null
echo 'host all all all trust' >>/tmp/data/pg_hba.conf
exec $bin/postgres -D /tmp/data -c listen_addresses='*' -c unix_socket_directories=/tmp -c fsync=off
