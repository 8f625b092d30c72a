#!/bin/sh
# Makes .venv, and with the argument "servers" also installs PostgreSQL and RabbitMQ where they are missing.
# Everything else is Python; this is what must happen before there is any.
set -eu
cd "$(dirname "$0")/../.."

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Plateau needs distribution packages. Run this as root, or install sudo: $*" >&2
        exit 1
    fi
}

# The packages' own servers must not start: they would take the system's ports, and nobody asked for them.
# In a subshell, so that its trap takes the guard away however it ends.
install_packages() (
    echo "Installing distribution packages: $*"
    guard=/usr/sbin/policy-rc.d
    if [ ! -e $guard ]; then
        trap 'as_root rm -f $guard' EXIT
        trap 'exit 1' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null
        as_root chmod 755 $guard
    fi
    if ! as_root apt-get update -qq || ! as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
        echo "apt-get could not install $*, see above. Install them, then try again." >&2
        exit 1
    fi
)

disable_system_servers() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl disable --quiet "$@"
    fi
}

suits() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if suits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

install_servers() {
    missing=
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="postgresql"
    [ -e /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
    if [ -n "$missing" ]; then
        # Unquoted: a list of words.
        install_packages $missing
        disable_system_servers $missing
    fi
}

make_environment() {
    stamp=.venv/installed
    wanted=$(cat requirements.lock pyproject.toml | cksum)
    [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && suits .venv/bin/python && return
    if ! python=$(find_python); then
        install_packages python3 python3-venv
        python=$(find_python) || { echo "Plateau needs Python 3.11 to 3.13. Name one with PYTHON=…" >&2; exit 1; }
    fi
    echo "Installing the locked Python packages into .venv ($("$python" --version))"
    suits .venv/bin/python || "$python" -m venv --clear .venv
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
    # The lock names everything. Were pip to resolve it, a new release of what is asked for with an extra would stop it.
    .venv/bin/python -m pip install -qq --no-deps --require-hashes -r requirements.lock
    .venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
    .venv/bin/python -m pip check -q
    echo "$wanted" >$stamp
}

make_environment
[ "${1:-}" != servers ] || install_servers
