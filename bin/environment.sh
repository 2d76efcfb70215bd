# Sourced by bin/up and bin/test: a .venv with exactly the locked packages, made with any
# Python 3.11 or 3.12. Everything it says goes to stderr.

# A dozen processes start from the same files: compiled once, each is there a quarter sooner.
unset PYTHONDONTWRITEBYTECODE

say() { printf '%s\n' "$*" >&2; }

trouble() {  # trouble WHAT REMEDY
    printf '\n✗ %s\n  → %s\n' "$1" "$2" >&2
    exit 1
}

fits() {  # fits PYTHON: does it run, and is it one of ours?
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.11 python3.12 python3 python; do
        if [ -n "$candidate" ] && fits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    trouble "Python 3.11 or 3.12 was not found (there is: $(python3 --version 2>&1 || echo none))." \
        "Install it (on Debian: apt install python3 python3-venv), or name it: PYTHON=/path/to/python $0"
}

make_venv() {
    if [ -L .venv ]; then  # somebody else's environment: theirs to keep
        fits .venv/bin/python || trouble ".venv is a link to something that is not Python 3.11 or 3.12." \
            "Remove the link: rm .venv"
        return 0
    fi
    if fits .venv/bin/python; then
        [ "$(cat .venv/.made-in 2> /dev/null)" != "$PWD" ] || return 0
        # Made by hand, and whole: good enough.
        [ -e .venv/.made-in ] || ! .venv/bin/python -m pip --version > /dev/null 2>&1 || return 0
    fi
    [ ! -d .venv ] || say "· .venv is half made, moved, or of another Python: making it again"
    rm -rf .venv
    local python log
    python=$(find_python)
    log=$(mktemp)
    if ! "$python" -m venv .venv > "$log" 2>&1; then
        # Debian's python3 without python3-venv, but with pip.
        rm -rf .venv
        if ! { "$python" -m venv --without-pip .venv && "$python" -m pip --version; } >> "$log" 2>&1; then
            rm -rf .venv
            say "$(tail -n 5 "$log")"
            trouble "Python could not make a virtual environment." \
                "On Debian and Ubuntu: apt install python3-venv. On a full disk: free some space."
        fi
    fi
    rm -f "$log"
    say "· $(.venv/bin/python --version)"
    echo "$PWD" > .venv/.made-in
}

pip_install() {
    if .venv/bin/python -m pip --version > /dev/null 2>&1; then
        .venv/bin/python -m pip install --disable-pip-version-check --no-input "$@"
    else
        "$(find_python)" -m pip --python .venv/bin/python install --disable-pip-version-check --no-input "$@"
    fi
}

install() {  # install LOCK: unless these very pins are there
    local lock=$1 stamp=".venv/.$1.sha256" sum log started=$SECONDS
    [ ! -L .venv ] || return 0
    sum=$(sha256sum < "$lock")
    [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
    say "· packages of $lock …"
    log=$(mktemp)
    if ! pip_install --require-hashes --quiet -r "$lock" > "$log" 2>&1; then
        say "$(grep -viE '^(WARNING: Location|\[notice\])' "$log" | tail -n 12)"
        explain_pip "$log" "$lock"
        return 1
    fi
    rm -f "$log"
    echo "$sum" > "$stamp"
    say "· packages of $lock: $((SECONDS - started)) s"
}

explain_pip() {  # explain_pip LOG LOCK
    local what remedy
    if grep -qi 'No space left on device' "$1"; then
        what="The disk is full, so the packages could not be installed."
        remedy="Free some space (df -h shows where; about 1 GB is needed) and start again."
    elif grep -qE 'gcc|cc1|[Cc]ompiler|error: command .* failed|Failed building wheel|subprocess-exited-with-error' "$1"; then
        what="A package has no ready-made wheel for this machine ($(uname -sm), $(.venv/bin/python --version)) and could not be compiled: no compiler."
        remedy="Use Python 3.11 or 3.12 on x86-64 Linux, where every wheel exists, or install a compiler (apt install build-essential python3-dev)."
    elif grep -qE 'THESE PACKAGES DO NOT MATCH THE HASHES' "$1"; then
        what="A downloaded package differs from the one in $2."
        remedy="Check the package mirror you use; a mirror must not change files."
    elif grep -qiE 'No matching distribution|Could not find a version' "$1"; then
        what="A package of $2 does not exist for this machine ($(uname -sm), $(.venv/bin/python --version)), or the index could not be reached."
        remedy="Check the connection to the package index. Elsewhere than x86-64 Linux see docs/operations.md."
    else
        what="The packages of $2 could not be installed (above)."
        remedy="Check the connection to the package index, then start again."
    fi
    if [ -n "${OPTIONAL:-}" ]; then say "· $what"; else trouble "$what" "$remedy"; fi
}

install_all() {  # install_all LOCK: and the embedded servers, where there are wheels of them
    exec 9> .venv.lock  # two at once would write over each other
    flock 9
    make_venv
    install "$1" || exit 1
    if [ -z "${DATABASE_URL:-}" ] || [ -z "${REDIS_URL:-}" ]; then
        # Elsewhere than x86-64 Linux the servers on the PATH do; config.embedded says what is missing.
        OPTIONAL=1 install requirements-embedded.txt || say "· looking for servers on the PATH instead"
    fi
    exec 9>&-
}
