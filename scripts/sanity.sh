#!/usr/bin/env bash
# Run ansible-test sanity over a copy of the working tree: it wants the collection at its real place
# (.../ansible_collections/vendhub/ops) and refuses the links that a checkout runs with.
# Its home is ours too, so that nothing of the user's ~/.ansible is read or written.
set -euo pipefail
cd "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
work=$root/.cache/sanity
tree=$work/ansible_collections/vendhub/ops
export HOME=$work/home

# ansible-test fetches pip's bootstrap script from a host of its own, which closed networks do not reach. This stand-in
# installs the very same version of pip from the package index.
pip_version=24.2
bootstrap=$HOME/.ansible/test/cache/get_pip_${pip_version//./_}.py
if [[ ! -s $bootstrap ]]; then
    mkdir -p "$(dirname -- "$bootstrap")" "$work/wheels"
    .venv/bin/uv pip install --quiet --python .venv/bin/python --target "$work/wheels" "pip==$pip_version"
    cat > "$bootstrap" <<EOF
import runpy
import sys
sys.path.insert(0, "$work/wheels")
words = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv[:] = ["pip", "install", "--ignore-installed", *words]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
EOF
fi

rm -rf "$tree"
mkdir -p "$tree"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [[ -e $file || -L $file ]] && printf '%s\0' "$file"
done | tar --create --null --files-from=- | tar --extract --directory "$tree"
cd "$tree"
git init --quiet  # ansible-test asks git for the files; the checkout around this copy would answer "all ignored"
git add --all
# only our own Python and the system's: version managers put names on the path that do not run
PATH=$root/.venv/bin:/usr/local/bin:/usr/bin:/bin ansible-test sanity --venv --color no "$@"
