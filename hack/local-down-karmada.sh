#!/usr/bin/env bash
# Stops the local environment and removes its state and its kubeconfig entries. `--keep-data` only stops it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

karmada::require_node
karmada::install
karmada::build
exec node "${KARMADA_ROOT}/dist/cmd/karmada.js" local down "$@"
