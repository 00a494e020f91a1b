#!/usr/bin/env bash
# Try an installation on this machine: PostgreSQL, two gateways and a worker behind nginx with TLS,
# and the KICC simulator. Charges go on during a rolling restart and an upgrade.
#
#   deploy/try.sh                      # SECONDS_OF_LOAD=60  PREVIOUS=<git commit or tag>
#
# It needs Debian's make, python3-venv, git, nginx, openssl and iproute2; as root it installs what
# is missing. All runs in a temporary folder and in a network and process namespace of its own,
# so no port of this machine is used, and nothing goes on running after the end.
set -euo pipefail
cd "$(dirname "$0")/.."
WORK=$(mktemp -d /tmp/dasi-try-XXXXXX)
trap 'rm -rf "$WORK"' EXIT

install_missing() {
    local missing=()
    for pair in make:make git:git nginx:nginx openssl:openssl ip:iproute2 unshare:util-linux; do
        PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} = 0 ] && return
    if [ "$(id -u)" != 0 ]; then
        echo "Missing: ${missing[*]} (Debian: apt install ${missing[*]})" >&2
        exit 1
    fi
    echo "Installing ${missing[*]} ..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
}

# install SOURCE NAME: build a wheel of the source and install it into opt/NAME, as on a server.
install() {
    local uv="$PWD/.venv/bin/uv"
    (cd "$1" && VIRTUAL_ENV="$OLDPWD/.venv" "$uv" build -q --wheel --no-build-isolation \
        --out-dir "$WORK/wheels/$2" .)
    "$uv" venv -q --python .venv/bin/python "$WORK/opt/$2"
    "$uv" pip install -q --compile-bytecode --python "$WORK/opt/$2" --require-hashes -r "$1/requirements.lock"
    "$uv" pip install -q --compile-bytecode --python "$WORK/opt/$2" --no-deps "$WORK/wheels/$2"/*.whl
}

# The previous version: the newest tag, else the commit that last changed the schema. An older
# commit has another schema under the same number, because 0.1.0 is not released.
previous_commit() {
    git rev-parse --verify -q "${PREVIOUS:-}^{commit}" && return
    git describe --tags --abbrev=0 HEAD^ 2>/dev/null && return
    git log -1 --format=%H -- src/dasi/migrations
}

install_missing
make -s setup
git rev-parse -q --verify HEAD >/dev/null 2>&1 && COMMIT=$(previous_commit) || COMMIT=
if [ -n "$COMMIT" ] && ! git diff --quiet "$COMMIT" -- src; then
    mkdir "$WORK/source"
    git archive "$COMMIT" | tar -x -C "$WORK/source"
    PREVIOUS_SOURCE=$WORK/source
    UPGRADE="from $(git log -1 --format='%h of %as' "$COMMIT") to this checkout"
else
    PREVIOUS_SOURCE=$PWD
    UPGRADE="none to go from: this same version, built twice"
fi
echo "Building two wheels and installing each ..."
install "$PREVIOUS_SOURCE" previous
install "$PWD" this
ln -sfn previous "$WORK/opt/current"

mkdir "$WORK/tls"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=dasi try CA" \
    -keyout "$WORK/tls/ca.key" -out "$WORK/tls/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -keyout "$WORK/tls/key.pem" -out "$WORK/tls/request.pem" 2>/dev/null
openssl x509 -req -in "$WORK/tls/request.pem" -CA "$WORK/tls/ca.pem" -CAkey "$WORK/tls/ca.key" \
    -CAcreateserial -days 2 -out "$WORK/tls/cert.pem" \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null

export SSL_CERT_FILE=$WORK/tls/ca.pem PYTHONPATH=$PWD/tests PATH=$PATH:/usr/sbin:/sbin
export TRY_FOLDER=$WORK TRY_UPGRADE=$UPGRADE SECONDS_OF_LOAD=${SECONDS_OF_LOAD:-60}
[ "$(id -u)" = 0 ] && AS_ROOT=() || AS_ROOT=(--map-root-user)
# 203.233.72.150 is an address of KICC; 198.51.100.7 is a client's. Both exist inside only.
unshare "${AS_ROOT[@]}" --net --pid --fork --kill-child --mount-proc bash -c '
    ip link set lo up
    ip address add 203.233.72.150/32 dev lo
    ip address add 198.51.100.7/32 dev lo
    .venv/bin/python -m deployment.trial'
