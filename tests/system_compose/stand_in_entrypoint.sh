#!/usr/bin/env bash
# Entrypoint of the PostgreSQL stand-in: what our compose file uses of the official image's, no more.
# POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS, PGDATA, scripts in /docker-entrypoint-initdb.d.
set -euo pipefail

if [ "$(id -u)" = 0 ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD
    unset POSTGRES_PASSWORD_FILE
  fi
  mkdir -p "$PGDATA"
  chown -R postgres:postgres /var/lib/postgresql
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # shellcheck disable=SC2086 - arguments are words
  initdb -D "$PGDATA" -U postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --no-instructions \
    --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
  sockets="-c listen_addresses='' -c unix_socket_directories=/var/run/postgresql"
  pg_ctl -D "$PGDATA" -w -o "$sockets" start
  export PGHOST=/var/run/postgresql
  for script in /docker-entrypoint-initdb.d/*.sh; do
    [ -e "$script" ] && "$script"
  done
  unset PGHOST
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
unset POSTGRES_PASSWORD
exec "$@"
