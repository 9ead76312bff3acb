#!/usr/bin/env bash
# Makes a role and a database for each name in SHOP_OWNERS, closed to every other role. The password
# of each is a file in SHOP_SECRETS. Run by the image's entrypoint when the data folder is new.
set -euo pipefail

for owner in $SHOP_OWNERS; do
  psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set role="shop_$owner" \
    --username postgres --dbname postgres <<SQL
\\set password \`cat "$SHOP_SECRETS/shop_$owner"\`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
GRANT pg_checkpoint TO :"role";
CREATE DATABASE :"role" OWNER :"role";
REVOKE CONNECT, TEMPORARY ON DATABASE :"role" FROM PUBLIC;
SQL
done
