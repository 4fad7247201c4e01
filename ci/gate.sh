#!/usr/bin/env bash
# The steps of the performance gate, the same for every service and for none.
#
#     ci/gate.sh baseline   this program becomes what others are checked against
#     ci/gate.sh check      this program against the baseline, on a lab machine
#     ci/gate.sh hosted     counts of this program against those of the commit
#                           it branched off, on any machine
#     ci/gate.sh nightly    doctor, check, trend and a report into a folder
#
# Variables, all of which may be left out:
#
#     GATE_NAME      name of the baseline [main]
#     GATE_OUT       folder of what is found [target/gate]
#     GATE_SOFT      exit codes that only warn [3 4]; set and empty: none
#     GATE_OPTIONS   more options for saving and checking, as typed
#     GATE_HISTORY   folder of the history, or branch:NAME [none; for nightly
#                    the folder history in GATE_OUT]
#     GATE_BASE      what `hosted` branched off [origin/main]
#     GATE_LOCK      file that keeps two gates of a machine from measuring at
#                    once [/tmp/ringside-gate.lock]
#     RINGSIDE_STORE folder of baselines, as for bench-runner
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=${GATE_NAME:-main}
out=${GATE_OUT:-target/gate}
soft=${GATE_SOFT-3 4}
base=${GATE_BASE:-origin/main}
lock=${GATE_LOCK:-/tmp/ringside-gate.lock}
read -ra options <<<"${GATE_OPTIONS:-}"
program=${CARGO_TARGET_DIR:-target}/release/bench-runner

main() {
    case ${1-} in
    baseline | check | hosted | nightly) "$1" ;;
    *)
        echo "gate.sh: one of baseline, check, hosted, nightly" >&2
        exit 2
        ;;
    esac
}

baseline() {
    build
    alone "$program" baseline save --name "$name" --force "${options[@]}"
}

check() {
    build
    check_against "${GATE_HISTORY:-}"
}

# Machines of a service differ, so both are built and counted in one job.
hosted() {
    local from place
    from=$(git merge-base "$base" HEAD) || usage "no merge base with $base"
    # On the branch itself: what was there before.
    if [[ $from == "$(git rev-parse HEAD)" ]]; then
        from=$(git rev-parse --verify --quiet HEAD~1) ||
            usage "the first commit has nothing to be held against"
    fi
    place=$(mktemp -d)
    # shellcheck disable=SC2064 # As it is now.
    trap "git worktree remove --force '$place/base' 2>/dev/null || true
          rm -rf '$place'" EXIT
    git worktree add --quiet --detach "$place/base" "$from"
    (cd "$place/base" && cargo build --release --bin bench-runner)
    install -D "${CARGO_TARGET_DIR:-$place/base/target}/release/bench-runner" \
        "$place/bench-runner"
    if ! "$place/bench-runner" baseline --help >/dev/null 2>&1; then
        warn "$from is older than the gate: nothing to count against"
        return
    fi
    (cd "$place/base" && "$place/bench-runner" baseline save --name base \
        --store "$place/store" --tier counts "${options[@]}")
    build
    checked "$program" check --against base --store "$place/store" \
        --tier counts --out "$out" "${options[@]}"
}

nightly() {
    build
    local night kept=${GATE_HISTORY:-$out/history} status=0 trend=()
    local runs=$out/runs
    night=$(date -u +%Y-%m-%dT%H%M%S)
    mkdir -p "$out/$night"
    "$program" doctor | tee "$out/$night/doctor.txt"
    alone "$program" sweep --quick --out "$runs/$night" \
        >"$out/$night/sweep.txt"
    out=$out/$night
    check_against "$kept" || status=$?
    case $kept in
    branch:*) trend=(--history-branch "${kept#branch:}") ;;
    *) trend=("$kept") ;;
    esac
    "$program" trend "${trend[@]}" --out "$out/trend" ||
        warn "no trend of $kept"
    "$program" report "$runs" --out "$out/report.html"
    echo "$out"
    return "$status"
}

build() {
    cargo build --release --bin bench-runner
}

# One measurement at a time, whoever asks.
alone() {
    (
        flock 9
        "$@"
    ) 9>"$lock"
}

# The baseline of that name, with a line for a history where one is named.
check_against() {
    local history=()
    case $1 in
    '') ;;
    branch:*) history=(--history-branch "${1#branch:}") ;;
    *) history=(--history "$1") ;;
    esac
    checked "$program" check --against "$name" --out "$out" "${history[@]}" \
        "${options[@]}"
}

# Runs a check, hands on what it found, and comes to an exit code.
checked() {
    local status=0 line
    mkdir -p "$out"
    rm -f "$out/check.json" "$out/summary.md" "$out/junit.xml"
    alone "$@" 2>"$out/said.txt" || status=$?
    cat "$out/said.txt" >&2
    line=$(grep -m 1 '^bench-runner: ' "$out/said.txt" || true)
    if [[ -n ${GITHUB_STEP_SUMMARY:-} ]]; then
        if [[ -f $out/summary.md ]]; then
            cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
        else
            # Indented, as code.
            printf '    %s\n' "${line:-exit code $status}" \
                >>"$GITHUB_STEP_SUMMARY"
        fi
    fi
    if ((status != 0)) && [[ " $soft " == *" $status "* ]]; then
        warn "${line:-exit code $status}"
        return 0
    fi
    return "$status"
}

# A note for people; on GitHub it stands beside the run as well.
warn() {
    echo "warning: $*" >&2
    if [[ ${GITHUB_ACTIONS:-} == true ]]; then
        local text=${*//%/%25}
        echo "::warning title=performance gate::${text//$'\n'/%0A}"
    fi
}

usage() {
    echo "gate.sh: $*" >&2
    exit 2
}

main "$@"
