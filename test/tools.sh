#!/usr/bin/env bash
# Finds the programs that `npm test` needs or, with the argument "all", that all tests need. On Debian as root, missing
# programs are installed with apt-get.
# Sentinel needs no program of its own: it is `redis-server --sentinel`.
set -euo pipefail

which=${1:-fast}

# Debian installs nginx in /usr/sbin, which may be missing in PATH.
PATH=$PATH:/usr/sbin

redis_version() {
  redis-server --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\).*/\1/p'
}

missing() {
  local version
  version=$(redis_version)
  [ "${version:-0}" -ge 7 ] && command -v redis-cli >/dev/null || echo redis-server
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || echo chromium
  [ "$which" = all ] || return 0
  command -v firefox-esr >/dev/null || echo firefox-esr
  command -v openssl >/dev/null || echo openssl
  command -v nginx >/dev/null || echo nginx
  command -v haproxy >/dev/null || echo haproxy
  command -v caddy >/dev/null || echo caddy
  command -v curl >/dev/null || echo curl
  command -v python3 >/dev/null || echo python3
  command -v git >/dev/null || echo git
  command -v apache2 >/dev/null || echo apache2
  command -v lighttpd >/dev/null || echo lighttpd
  command -v varnishd >/dev/null || echo varnish
  command -v prometheus >/dev/null && command -v promtool >/dev/null || echo prometheus
}

packages=$(missing | xargs)
[ -z "$packages" ] && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need these programs: $packages (redis-server 7 or later). On Debian: sudo apt-get install $packages" >&2
  exit 1
fi

echo "The tests need these programs, installing them with apt-get: $packages"
# Only the tests run them, so apt-get must not start them as services.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get -q update && apt-get -qy install --no-install-recommends $packages; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install: $packages" >&2
  exit 1
fi
rm -f "$log"

packages=$(missing | xargs)
if [ -n "$packages" ]; then
  echo "Still missing or too old after the installation: $packages (redis-server must be version 7 or later)" >&2
  exit 1
fi
