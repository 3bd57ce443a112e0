#!/usr/bin/env bash
# Starts the local environment: a host cluster with the Karmada control plane on it, and three member clusters.
# Installs and builds first if needed. Run again: it repairs what is not running and changes nothing else.
#
#   KARMADA_HOME               state, logs and data              (default ~/.karmada)
#   KUBECONFIG_PATH            folder of the kubeconfigs         (default ~/.kube)
#   MAIN_KUBECONFIG            contexts karmada-host, karmada-apiserver  (default $KUBECONFIG_PATH/karmada.config)
#   MEMBER_CLUSTER_KUBECONFIG  contexts member1, member2, member3        (default $KUBECONFIG_PATH/members.config)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

karmada::require_node
karmada::install
karmada::build
exec node "${KARMADA_ROOT}/dist/cmd/karmada.js" local up "$@"
