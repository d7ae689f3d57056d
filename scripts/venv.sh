# shellcheck shell=bash
# Sourced, from the repository root, by the scripts beside it.
#
#   venv_ready EXTRAS    leaves .venv holding this project with EXTRAS, which is "" or "[test]"

stamp=.venv/installed # line 1: where the repository was; line 2: checksum of the packaging files, and the extras

say() { printf '%s\n' "$*" >&2; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Prints a Python that is 3.11 or later and can make a venv. PYTHON, when set, is the only one considered.
find_python() {
    local candidate version seen="" without_venv=""
    local candidates=(python3 python3.11 python3.12 python3.13 python3.14)
    if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi

    for candidate in "${candidates[@]}"; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        seen="$seen $candidate is $version;"
        new_enough "$candidate" || continue
        if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
        without_venv="$candidate ($version)"
    done

    if [ -n "$without_venv" ]; then
        say "$without_venv cannot make virtual environments: its venv module is missing or incomplete."
        say "On Debian or Ubuntu: apt install python3-venv"
    elif [ -n "$seen" ]; then
        say "Python 3.11 or later is needed, but${seen%;}."
        say "Install a newer one, or name it: PYTHON=python3.12 $0"
    elif [ -n "${PYTHON:-}" ]; then
        say "PYTHON is set to '$PYTHON', which does not run."
    else
        say "Python 3.11 or later is needed, and none was found on PATH."
        say "Install one, or name it: PYTHON=python3.12 $0"
    fi
    return 1
}

venv_ready() {
    local extras=$1 python sum was_at="" was=""
    if [ -f "$stamp" ]; then { IFS= read -r was_at && IFS= read -r was; } <"$stamp" || true; fi

    # A venv that does not run, or was built before the folder moved, is built again: its scripts name the old place.
    if ! .venv/bin/python -c 'import pip' 2>/dev/null || { [ -n "$was_at" ] && [ "$was_at" != "$PWD" ]; }; then
        python=$(find_python)
        say "== make .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
        was=""
    elif ! new_enough .venv/bin/python; then
        say ".venv holds $(.venv/bin/python --version), and 3.11 or later is needed. Delete .venv and run this again."
        return 1
    fi

    sum=$(cat setup.cfg pyproject.toml | cksum)
    case $was in "$sum $extras" | "$sum [test]") return ;; esac # what the tests need includes what a run needs
    say "== install credit-trading$extras"
    rm -f "$stamp"
    # -qq: errors only; Python compiles what is used when it is first used, which is a small part of it.
    .venv/bin/python -m pip --disable-pip-version-check install -qq --no-compile --editable ".$extras"
    printf '%s\n' "$PWD" "$sum $extras" >"$stamp"
}
