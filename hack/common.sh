# Shared by the scripts of this folder: checks Node, installs what package-lock.json names, builds dist/.
# Talk goes to stderr; nothing is done that is done already.

KARMADA_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

karmada::require_node() {
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "error: node and npm are needed (Node 20 or newer): apt-get install nodejs npm" >&2
    exit 1
  fi
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  if [ "${major}" -lt 20 ]; then
    echo "error: Node 20 or newer is needed, this is $(node --version)" >&2
    exit 1
  fi
}

# A checkout makes package-lock.json newer without changing it: what was installed from is kept to compare with.
karmada::install() {
  local lock="${KARMADA_ROOT}/package-lock.json" stamp="${KARMADA_ROOT}/node_modules/.package-lock.json"
  local installed="${KARMADA_ROOT}/node_modules/.installed-package-lock.json"
  if [ ! -e "${stamp}" ] || { [ "${lock}" -nt "${stamp}" ] && ! cmp -s "${lock}" "${installed}"; }; then
    echo "installing packages (npm ci) ..." >&2
    (cd "${KARMADA_ROOT}" && npm ci --no-audit --no-fund --loglevel=error >&2)
    cp "${lock}" "${installed}"
    touch "${stamp}"
  fi
}

karmada::build() {
  local record="${KARMADA_ROOT}/dist/build.json"
  if [ ! -e "${record}" ] ||
    [ -n "$(find "${KARMADA_ROOT}/src" "${KARMADA_ROOT}/hack/build.ts" "${KARMADA_ROOT}/package-lock.json" -newer "${record}" -print -quit)" ]; then
    echo "building ..." >&2
    (cd "${KARMADA_ROOT}" && npm run --silent build >&2)
  fi
}
