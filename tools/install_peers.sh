#!/usr/bin/env bash
# Installs the foreign peers of tests/foreign from Debian, where apt and root are there: sipp, baresip, Kamailio.
# Quiet, limited in time, and no reason to stop: tests whose peer is missing are skipped and say so.
set -u
declare -A packages=([sipp]=sip-tester [baresip]=baresip-core [kamailio]=kamailio)
missing=()
for program in "${!packages[@]}"; do
  PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
[ "${#missing[@]}" -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "foreign peers not installed (needs apt and root): ${missing[*]}; their tests are skipped"
  exit 0
fi
echo "foreign peers: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { timeout 120 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1; }
# A service that Debian would start (Kamailio on port 5060) is not wanted: only its program is.
policy=/usr/sbin/policy-rc.d
made=no
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=yes; }
install || { timeout 60 apt-get update -qq >/dev/null 2>&1; install; } \
  || echo "foreign peers could not be installed: ${missing[*]}; their tests are skipped"
[ "$made" = yes ] && rm -f "$policy"
exit 0
