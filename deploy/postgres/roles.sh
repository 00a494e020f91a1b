#!/bin/sh
# The official image of PostgreSQL runs this once, when its data folder is empty. docs/operate/keys-and-database.md
# has the reason for two roles.
set -eu
psql --set ON_ERROR_STOP=1 --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" --username postgres <<'SQL'
CREATE ROLE dasi_owner LOGIN PASSWORD :'owner';
CREATE ROLE dasi_app LOGIN PASSWORD :'app';
CREATE DATABASE dasi OWNER dasi_owner;
SQL
