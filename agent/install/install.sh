#!/bin/bash
# Puts the agent on this host, or a newer one in its place. Safe to repeat: what is right already is left alone, and the
# service is restarted only when something changed. Containers and their mounts go on while it restarts.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: install.sh --endpoint URL [options]      install or upgrade
       install.sh --uninstall [options]         remove the agent; volumes and configuration stay

  --endpoint URL   the product's API (stack output ApiEndpoint)
  --region REGION  AWS Region (default: the instance's own)
  --package DIR    folder with agent.mjs and its files (default: this script's)
  --node FILE      Node.js 24 or later (default: the package's for this machine, else the one on PATH)
  --root DIR       install under DIR instead of /, and start nothing: for images
  --no-start       install, but do not start the service
  --dry-run        say what would be done, and do nothing
TEXT
}

say() { printf 'hivemind: %s\n' "$*"; }
fail() { printf 'hivemind: %s\n' "$*" >&2; exit "${code:-1}"; }
wrong_use() { usage >&2; code=2 fail "$*"; }

endpoint='' region='' package='' node='' root='' start=yes dry='' action=install changed='' release=''
while [ $# -gt 0 ]; do
  case $1 in
    --endpoint|--region|--package|--node|--root)
      [ $# -gt 1 ] || wrong_use "$1 needs a value"
      declare "${1#--}=$2"; shift 2;;
    --no-start) start=''; shift;;
    --dry-run) dry=yes; shift;;
    --uninstall) action=uninstall; shift;;
    --help|-h) usage; exit 0;;
    *) wrong_use "unknown option: $1";;
  esac
done
package=${package:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
root=${root%/}
[ -z "$root" ] || start=''

home=$root/opt/hivemind
unit=$root/etc/systemd/system/hivemind-agent.service
config=$root/etc/hivemind/agent.json
service=hivemind-agent.service

do_() { if [ -n "$dry" ]; then say "would run: $*"; else "$@"; fi; }
systemd() { if [ -n "$root" ]; then return 0; fi; do_ systemctl "$@"; }

check_machine() {
  [ "$(uname -s)" = Linux ] || fail "the agent runs on Linux; this is $(uname -s)"
  [ -n "$root$dry" ] || [ "$(id -u)" = 0 ] || fail 'run as root (sudo): the agent mounts filesystems'
  [ -n "$root$dry" ] || command -v systemctl >/dev/null || fail 'no systemd here: run agent.mjs under your own supervisor'
  local tool missing=''
  for tool in python3 lsblk blkid wipefs mkfs.ext4 mkfs.xfs mount umount; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  [ -z "$missing" ] || fail "missing:$missing. Debian, Ubuntu: apt-get install python3 util-linux e2fsprogs xfsprogs; Amazon Linux: dnf install python3 util-linux e2fsprogs xfsprogs"
  PATH=$PATH:/usr/sbin:/sbin command -v mount.efs >/dev/null ||
    say 'note: no mount.efs here, so network volumes cannot be mounted; install amazon-efs-utils for them'
}

check_package() {
  local file
  for file in agent.mjs imds-check.py hivemind-agent.service; do
    [ -f "$package/$file" ] || fail "$package has no $file: give the unpacked package with --package"
  done
}

# Names the Node.js to install: asked for, of the package, or of the machine.
find_node() {
  local machine candidate
  case $(uname -m) in x86_64) machine=x64;; aarch64|arm64) machine=arm64;; *) machine=$(uname -m);; esac
  for candidate in "$node" "$package/node-linux-$machine" "$(command -v node || true)"; do
    [ -n "$candidate" ] || continue
    if is_new_enough "$candidate"; then node=$(readlink -f "$candidate"); return; fi
    [ "$candidate" != "$node" ] || fail "$node is not Node.js 24 or later"
  done
  fail "no Node.js 24 for $machine: neither in the package nor on PATH. Install one and repeat with --node FILE, or deploy the package with it (cdk -c hivemind:hostArchitectures=$machine)"
}

is_new_enough() {
  local version
  version=$("$1" --version 2>/dev/null) || return 1
  [[ $version =~ ^v([0-9]+)\. ]] && [ "${BASH_REMATCH[1]}" -ge 24 ]
}

check_imds() {
  if [ -n "$root" ]; then say 'not checked here: IMDSv2 with hop limit 1 (checked at each start of the agent)'; return; fi
  python3 "$package/imds-check.py" || fail 'not installed: see above'
}

# One folder per content, and a link that is swapped: an upgrade is all or nothing, and going back is the same.
place_release() {
  local name
  name=$(cat "$package/agent.mjs" "$package/imds-check.py" "$node" | sha256sum | cut -c1-16)
  release=releases/$name
  if [ "$(readlink "$home/current" 2>/dev/null)" = "$release" ] && [ -f "$home/$release/.complete" ]; then return; fi
  changed=yes
  do_ mkdir -p "$home/$release"
  do_ install -m 0644 "$package/agent.mjs" "$package/imds-check.py" "$home/$release/"
  do_ install -m 0755 "$node" "$home/$release/node"
  do_ touch "$home/$release/.complete"
  do_ ln -sfn "$release" "$home/current.new"
  do_ mv -T "$home/current.new" "$home/current"
}

place_unit() {
  if cmp -s "$package/$service" "$unit"; then return; fi
  changed=yes
  do_ mkdir -p "$(dirname "$unit")"
  do_ install -m 0644 "$package/$service" "$unit"
}

# Changes endpoint and region, and keeps whatever else an administrator wrote there.
place_config() {
  local merged
  merged=$(python3 - "$config" "$endpoint" "$region" <<'PY'
import json, sys
path, endpoint, region = sys.argv[1:]
try:
    with open(path) as file:
        settings = json.load(file)
except FileNotFoundError:
    settings = {}
settings["endpoint"] = endpoint
if region:
    settings["region"] = region
print(json.dumps(settings, indent=2))
PY
  ) || fail "$config is not JSON; correct it or move it away"
  if [ "$merged" = "$(cat "$config" 2>/dev/null)" ]; then return; fi
  changed=yes
  do_ mkdir -p "$(dirname "$config")"
  if [ -n "$dry" ]; then say "would write $config: $merged"; return; fi
  printf '%s\n' "$merged" >"$config.new"
  chmod 0644 "$config.new"
  mv -T "$config.new" "$config"
}

remove_old_releases() {
  local each
  for each in "$home"/releases/*/; do
    [ -d "$each" ] || continue
    case $each in "$home/$release/"|"$home/$1/") ;; *) do_ rm -rf "$each";; esac
  done
}

install_agent() {
  [[ $endpoint =~ ^https?://[^/]+ ]] || wrong_use '--endpoint must be the URL of the API (stack output ApiEndpoint)'
  check_machine; check_package; find_node; check_imds
  local previous
  previous=$(readlink "$home/current" 2>/dev/null || true)
  place_release
  place_unit
  place_config
  remove_old_releases "$previous"
  if [ -n "$start" ]; then start_service; fi
  if [ -n "$dry" ]; then say 'nothing was done'
  elif [ -n "$start" ]; then say "the agent runs; its log: journalctl -u $service"
  else say "installed${root:+ under $root}; not started"; fi
}

start_service() {
  systemd daemon-reload
  systemd enable "$service"
  if [ -n "$changed" ]; then systemd restart "$service"; else systemd start "$service"; fi
}

# Leaves what is mounted: it may be in use, and its data is not the agent's to take away.
uninstall_agent() {
  if [ -f "$unit" ]; then
    systemd disable --now "$service"
    do_ rm -f "$unit"
    systemd daemon-reload
  fi
  do_ rm -rf "$home"
  say "removed; $config and what is mounted under /var/lib/hivemind stay"
}

"${action}_agent"
