#!/usr/bin/env bash
# Stops the local environment and removes its state and its kubeconfig entries. `--keep-data` only stops it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

karmada::require_node
# Stopping must work also when what is built is older than the sources, or they do not build.
if [ ! -e "${KARMADA_ROOT}/dist/cmd/karmada.js" ]; then
  karmada::install
  karmada::build
fi
exec node "${KARMADA_ROOT}/dist/cmd/karmada.js" local down "$@"
