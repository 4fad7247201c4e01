#!/usr/bin/env bash
# The checks of this project, the same for people and machines.
#
#     ./ci.sh               all of them but the slow ones
#     ./ci.sh fmt test      some of them
#     ./ci.sh miri arm      slow ones, a few minutes each
#     ./ci.sh nightly       an hour of measuring
#     ./ci.sh regressions   slowdowns made on purpose: an hour of building
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Everything is built once: what is kept for later builds only takes time.
export CARGO_INCREMENTAL=0

CHECKS=(fmt clippy doc readme sweep load figures kills badinput unprivileged honesty equals benches test browser pages simulate)

# They need what is too large to be fetched, or built once more, for every run
# of the others.
SLOW=(miri arm loom without_c fuzz gate external dpdk guest regressions nightly)

# The run that README.md and plots/ show, and the figures in plots/.
RECORDED=results/2026-11-22-amd-epyc
FIGURES=results/2026-11-22-amd-epyc-reproduction

# The moments of the kills; the same number gives the same moments.
SEED=${SEED:-$RANDOM}

fmt() {
    cargo fmt --all --check
}

clippy() {
    cargo clippy --workspace --all-targets -- -D warnings
}

# `test` is a word of the shell.
check_test() {
    # For drivers in programs of their own; without, their tests say so.
    huge_pages 64 || true
    cargo test --workspace
}

doc() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
}

# Measurements whose truth is known, and how often verdicts on them are wrong.
simulate() {
    cargo test -p bench-runner --lib simulation -- --ignored --nocapture
}

# Equal contenders are not told apart, in 60 comparisons.
equals() {
    RINGSIDE_REPEATS=60 accept equals_are_not_told_apart
}

# Whether verdicts keep their promise on this machine: equal contenders, a
# known slowdown, traps and a neighbour, as often as it takes to show it.
# Nothing else should run meanwhile.
nightly() {
    accept
}

# Some of the tests that measure, one after the other.
accept() {
    cargo test --release -p bench-runner --test acceptance -- \
        --ignored --nocapture --test-threads=1 "$@"
}

# Each micro-benchmark runs once and finds what it should.
benches() {
    cargo bench -p variants -- --test
}

# What pages and gallery say of the recorded run is what its samples say.
readme() {
    build_runner
    local out=$scratch/readme page
    mkdir -p "$out/results"
    cp -r "$RECORDED" "$FIGURES" "$out/results/"
    cp -r plots "$out/"
    while IFS= read -r page; do
        mkdir -p "$out/$(dirname "$page")"
        cp "$page" "$out/$page"
        (cd "$out" && "$runner" report "$RECORDED" "$FIGURES" \
            --gallery plots --into "$page")
        diff -u "$page" "$out/$page" || fail "$page is out of date: $renew"
    done < <(git grep -lFx -- '<!-- recorded-run:begin -->' '*.md')
    [[ -n ${page+set} ]] || fail "no page shows the recorded run"
    diff -ru plots "$out/plots" >"$scratch/diff" || {
        head -n 20 "$scratch/diff"
        fail "plots/ is out of date: $renew"
    }
}

# A short run leaves results and charts that other programs can read.
sweep() {
    build_runner
    local out=$scratch/sweep
    "$runner" sweep --quick --out "$out"
    whole_run "$out"
    well_drawn "$out"
}

# Latencies, a loss-free rate and a soak: in virtual time, and on the wall clock
# where there are two cores.
load() {
    build_runner
    local out=$scratch/load
    "$runner" latency --virtual --variant baseline,buffer=deferred \
        --rate 2M,90% --packets 100000 --out "$out/virtual"
    "$runner" ndr --virtual --variant baseline --seconds 0.05 --out "$out/ndr"
    local files=(virtual/latency.json ndr/ndr.json)
    if (($(nproc) > 1)); then
        "$runner" latency --variant baseline,buffer=deferred \
            --rate 1M,10% --seconds 0.5 --out "$out/wall"
        "$runner" soak --rate 1M --seconds 3 --interval 0.5 --flap 1:0.2 \
            --out "$out/soak"
        files+=(wall/latency.json soak/soak.json)
    else
        echo "one core: nothing on the wall clock"
    fi
    local file
    for file in "${files[@]}"; do
        python3 -m json.tool "$out/$file" >/dev/null || fail "$file"
        well_drawn "$out/${file%/*}"
    done
}

# Some published figures, measured with few rounds: pages, charts and samples.
figures() {
    build_runner
    local out=$scratch/figures
    "$runner" reproduce F2 F9 T1 S2 S5 --quick --out "$out"
    readable_json "$out/reproduction.json"
    well_drawn "$out"
    local id
    for id in F2 F9 T1 S2 S5; do
        grep -q "^\*\*Here\.\*\* .* of 1: " "$out/$id.md" || fail "$id.md"
    done
}

# A run that is killed at any moment leaves nothing damaged and can go on. One
# axis is as good as all of them; that of `status` is measured with both fills.
kills() {
    build_runner
    RANDOM=$SEED
    echo "moments of SEED=$SEED"

    # How long a run takes, so that the moments fall into all of its parts.
    local out=$scratch/kills start span number delay
    start=$(now_ms)
    quietly "$runner" sweep --quick --axis status --out "$out/whole"
    span=$(($(now_ms) - start))
    whole_run "$out/whole"

    for number in {1..5}; do
        local folder=$out/$number
        # 15 bits are enough: a moment is drawn in 1/32768 of the run.
        delay=$((span * RANDOM / 32768))
        setsid "$runner" sweep --quick --axis status --out "$folder" \
            >/dev/null 2>&1 &
        victim=$!
        sleep_ms "$delay"
        kill -KILL "$victim" 2>/dev/null || true
        wait "$victim" 2>/dev/null || true
        orphans_are_gone "$victim"
        victim=
        if [[ -e $folder/run.json ]]; then
            readable_json "$folder/run.json"
        fi
        quietly "$runner" sweep --quick --resume --out "$folder"
        whole_run "$folder"
        echo "kill $number at $delay of $span ms: resumed"
    done
}

# What a user gets wrong is told in one line, with a hint where there is one.
badinput() {
    build_runner
    local out=$scratch/badinput
    mkdir -p "$out/damaged"
    echo '{"schema": 1, "command": "bench-runner sw' >"$out/damaged/run.json"
    echo 'in the way' >"$out/file"
    mkdir -p "$out/empty" "$out/newer"
    echo '{"schema": 99, "novel": 1}' >"$out/newer/a.jsonl"

    # What the line has to say, then the command.
    refused 'rgs.*reg' sweep --quick --axis rgs --out "$out/a"
    refused 'reg=boxd.*reg=boxed' \
        sweep --quick --variants reg=boxd --out "$out/b"
    refused 'reg=boxd.*reg=boxed' run --variant reg=boxd --batch 32
    refused 'F77.*F1, F2' reproduce F77 --out "$out/b"
    refused 'batch' sweep --quick --batch 0 --out "$out/c"
    refused 'batch' sweep --quick --batch 100000 --out "$out/d"
    refused 'batch' sweep --quick --batch 1,x --out "$out/e"
    refused 'batch' run --variant reg=boxed --batch 0
    refused 'placement|sideways' \
        sweep --quick --placement sideways --out "$out/f"
    refused "$out/file/below" sweep --quick --out "$out/file/below"
    refused '/proc/ringside' sweep --quick --out /proc/ringside
    refused 'core 9999 is not available' \
        sweep --quick --core 9999 --out "$out/g"
    refused "$out/damaged" sweep --resume --out "$out/damaged"
    refused "$out/damaged" reanalyse "$out/damaged"
    refused "$out/nowhere" reanalyse "$out/nowhere"
    refused 'reg=boxd.*reg=boxed' compare reg=unboxed reg=boxd
    refused 'no workload in common' compare status=bit dispatch=dyn
    refused 'no such program' \
        compare "$out/nowhere:reg=unboxed" reg=boxed
    refused 'no bench-runner' compare /bin/true:reg=unboxed reg=boxed
    refused 'this program only' \
        compare "$runner:reg=unboxed" reg=boxed --layouts 2
    refused 'from 2 to 64' compare reg=unboxed reg=boxed --layouts 1
    refused 'three or more' compare reg=unboxed reg=boxed --processes 2
    refused 'model-core' latency --virtual --variant baseline --model-core 0
    refused 'reg=boxd.*reg=boxed' latency --virtual --variant reg=boxd
    refused 'forwards nothing' latency --virtual --variant floor=null
    refused '1M.*90%' latency --virtual --variant baseline --rate fast
    refused 'from 1 to 448' latency --virtual --variant baseline --batch 512
    refused 'imix' latency --virtual --variant baseline --frame 9000
    refused 'burst:N' latency --virtual --variant baseline --pattern saw
    refused 'above 0' latency --virtual --variant baseline --seconds 0
    refused "$out/file/below" \
        latency --virtual --variant baseline --out "$out/file/below"
    refused 'packets per second' soak --rate 50%
    refused 'only in threads' run --variant reg=boxed --rate line
    refused 'such as 20M' sweep --quick --rate 50% --out "$out/rate"
    refused 'EVERY:DOWN' soak --rate 1M --flap 1:2
    refused 'forwards nothing' soak --rate 1M --variant floor=null
    refused 'soak.json' soak --resume --out "$out"
    refused 'model-core' ndr --virtual --variant baseline --model-core 0
    refused 'reg=boxd.*reg=boxed' ndr --virtual --variant reg=boxd
    refused 'forwards nothing' ndr --virtual --variant floor=null
    refused 'from 1 to 448' ndr --virtual --variant baseline --batch 32,512
    refused 'imix' ndr --virtual --variant baseline --frame 64,9000
    refused 'share' ndr --virtual --variant baseline --loss 100%
    refused 'width' ndr --virtual --variant baseline --width 0
    refused 'from 0.01 to 1' ndr --virtual --variant baseline --seconds 0
    refused 'core 9999 is not available' \
        ndr --virtual --variant baseline --core 9999
    refused "$out/file/below" \
        ndr --virtual --variant baseline --out "$out/file/below"
    refused "damaged/run.json.*line 1 column" report "$out/damaged"
    refused "$out/nowhere" report "$out/nowhere"
    refused "$out/file: not JSON" report "$out/file" --format md
    refused "no line <!-- recorded-run:begin" \
        report "$RECORDED" --into "$out/file"
    refused 'html, md, csv' report "$RECORDED" --format pdf
    refused 'reg=boxd.*reg=boxed' explain reg=boxd reg=bytes
    refused '2 values' explain reg=boxed
    refused 'reg=boxd.*reg=boxed' counters --variants reg=boxd
    refused 'batch size 0' counters --batch 0
    refused 'empty|full, random' counters --fill empty
    refused '--batch' counters --check --batch 1
    refused '--batch' counters --self-test --batch 1
    refused 'core 9999 is not available' doctor --core 9999
    refused 'core 9999 is not available' tune --dry-run --core 9999
    refused 'huge-pages' tune --dry-run --huge-pages many
    refused 'damaged.*move it away' restore --state "$out/damaged/run.json"
    refused "$out/file/below" restore --state "$out/file/below/state.json"
    refused 'socket' serve
    refused 'is no socket' serve --socket "$out/file"
    refused "$out/file/below" serve --socket "$out/file/below"
    refused 'two ends' serve --socket "$out/a.sock" --wire
    refused 'once for each' serve --socket "$out/a.sock" --tap a --tap b
    refused '64..=1518' serve --socket "$out/a.sock" --frame 9000
    refused 'no such history' trend "$out/nowhere"
    refused 'no history in it: name a folder' trend "$out/empty"
    refused "$out/file, line 1: not JSON" trend "$out/file"
    refused 'a.jsonl, line 1: .*newer.*update' trend "$out/newer"
    refused 'a.jsonl, line 1: .*newer.*update' report "$out/newer"
    refused 'no branch nowhere' trend --history-branch nowhere
    # Where there are two commits, and where there is no checkout.
    mkdir -p "$out/two" "$out/none"
    git -C "$out/two" init --quiet
    local commit=(-c user.name=ci -c user.email=ci@localhost commit --quiet)
    git -C "$out/two" "${commit[@]}" --allow-empty -m one
    git -C "$out/two" "${commit[@]}" --allow-empty -m two
    (
        cd "$out/two"
        refused 'no commit .nobody.' bisect nobody HEAD
        refused 'one commit' bisect HEAD HEAD
        refused 'no ancestor' bisect HEAD HEAD~1
        refused '<BAD>' bisect HEAD
        refused "$out/file/below" bisect HEAD~1 HEAD --out "$out/file/below"
        refused 'Cargo.toml' bisect HEAD~1 HEAD
    )
    (cd "$out/none" && GIT_CEILING_DIRECTORIES=$out \
        refused 'git checkout' bisect HEAD~1 HEAD)
    refused 'sweeep.*sweep' sweeep
    refused 'quik.*quick' sweep --quik
    refused 'cores.*--placement threaded' \
        sweep --quick --cores 0 --out "$out/i"
    refused 'cores' sweep --quick --queues 2 --out "$out/j"
    refused 'fill.*lockstep' \
        sweep --quick --placement threaded --fill random --out "$out/h"
}

# The steps of ci/ without the services: workflows that can be read, and the
# gate with a few cells, which never calls a program slower than itself. With a
# build for the commit before.
gate() {
    workflows
    build_runner
    local out=$scratch/gate steps=$PWD/ci/gate.sh status
    export RINGSIDE_STORE=$out/store GATE_OUT=$out/found GATE_SOFT=
    export GATE_OPTIONS="--variants batch=vec --batch 32 --seconds 10"
    export GATE_LOCK=$out/lock
    mkdir -p "$out"
    "$steps" baseline
    "$steps" baseline # In the place of the first one.
    step check check
    step nightly nightly
    [[ -n $(find "$out/found" -name report.html) ]] || fail "no report"

    # A commit that changes nothing that is built, in a clone.
    clone_of_this "$out/clone"
    local author=(-c user.name=ci -c user.email=ci@localhost)
    git -C "$out/clone" branch base
    git -C "$out/clone" "${author[@]}" commit --quiet --allow-empty -m after
    if has valgrind; then
        GATE_OPTIONS="--variants batch=vec --batch 32" GATE_BASE=base \
            steps=$out/clone/ci/gate.sh step hosted hosted
    else
        echo "SKIPPED: no valgrind to count with" >&2
    fi
}

# Programs of their own on the card, in C and in Python, and such that
# misbehave: what is said of them, and that nothing is left of any.
external() {
    if [[ $(id -u) != 0 ]] || ! huge_pages 64; then
        echo "SKIPPED: external needs root and 64 huge pages" >&2
        return
    fi
    cargo test -p bench-runner --test external -- --nocapture
}

# DPDK's testpmd, unmodified: it forwards, and no frame is lost, changed or
# out of order between the card and it.
dpdk() {
    if [[ $(id -u) != 0 ]] || (($(nproc) < 2)) || ! huge_pages 128; then
        echo "SKIPPED: dpdk needs root, two cores and 128 huge pages" >&2
        return
    fi
    local testpmd=ci/dpdk/testpmd.sh out=$scratch/dpdk
    if ! "$testpmd" fetch 2>"$scratch/stderr"; then
        echo "SKIPPED: $(tail -n 1 "$scratch/stderr")" >&2
        return
    fi
    build_runner
    "$runner" external --name testpmd --repeat 1 --out "$out" \
        -- "$testpmd" run "{port0}" "{port1}" 2>&1 | tee "$scratch/said"
    # Frames that came back of those that came in; what testpmd threw away
    # because a transmit ring was full; what lay in receive rings at the end.
    local came_in came_back dropped left
    read -r came_in came_back < <(sed -n \
        's/.*testpmd: \([0-9]*\) frames came in, \([0-9]*\) came back.*/\1 \2/p' \
        "$scratch/said")
    dropped=$(sed -n '/Accumulated/,$s/.*TX-dropped: \([0-9]*\).*/\1/p' \
        "$out/testpmd.log")
    ((came_back > 0)) || fail "testpmd forwarded nothing"
    left=$((came_in - came_back - dropped))
    ((left >= 0 && left <= 1024)) || fail "testpmd: $left frames are nowhere"
    echo "testpmd: $came_back forwarded, $dropped dropped, $left left"
}

# Sees to so many huge pages that are free, until the end of all checks.
huge_pages() {
    local pool=/sys/kernel/mm/hugepages/hugepages-2048kB free all
    [[ -w $pool/nr_hugepages ]] || return 1
    free=$(<"$pool/free_hugepages") all=$(<"$pool/nr_hugepages")
    ((free < $1)) || return 0
    pages_before=${pages_before:-$all}
    echo $((all + $1 - free)) >"$pool/nr_hugepages"
    (($(<"$pool/free_hugepages") >= $1))
}

# A clone, with what is not committed yet in a commit of its own.
clone_of_this() {
    git clone --quiet . "$1"
    git ls-files -z --cached --others --exclude-standard |
        tar --create --null --ignore-failed-read --files-from=- |
        tar --extract --directory "$1"
    local author=(-c user.name=ci -c user.email=ci@localhost)
    git -C "$1" add --all
    git -C "$1" "${author[@]}" commit --quiet --allow-empty -m before
}

# Slowdowns made on purpose, each in a clone: the gate names the variants that
# the head of the patch names. Nothing else should run meanwhile. PATCHES=load
# tries one of them.
regressions() {
    local out=$scratch/regressions patch name wanted status
    export RINGSIDE_STORE=$out/store
    mkdir -p "$out"
    clone_of_this "$out/clone"
    # One folder for all of them: what is the same is compiled once.
    export CARGO_TARGET_DIR=$out/target
    in_clone() { (cd "$out/clone" && "$@"); }
    in_clone cargo build --release --quiet --bin bench-runner
    runner=$CARGO_TARGET_DIR/release/bench-runner
    in_clone "$runner" baseline save --name before
    for patch in ci/regressions/*.patch; do
        name=$(basename "$patch" .patch)
        [[ " ${PATCHES:-$name} " == *" $name "* ]] || continue
        patch=$(realpath "$patch")
        echo "--- $name: $(sed -n '/^[a-z]*:/p' "$patch" | tr '\n' ' ')"
        in_clone git apply "$patch"
        in_clone cargo build --release --quiet --bin bench-runner
        status=0
        in_clone "$runner" check --against before --out "$out/$name" ||
            status=$?
        as_wanted "$patch" "$status" "$out/$name"
        in_clone git checkout --quiet .
    done
}

# What a check found is what the head of the patch says.
as_wanted() {
    python3 - "$@" <<'PYTHON' || fail "$1: not what was found"
import json, sys

patch, status, out = sys.argv[1:]
head = {}
for line in open(patch):
    if line.startswith("diff "):
        break
    name, _, text = line.strip().partition(": ")
    if text and " " not in name:
        head[name] = text
if "exit" in head:
    assert status == head["exit"].split(",")[0], status
    sys.exit()
cells = json.load(open(out + "/check.json"))["cells"]
if head.get("counts") == "the same":
    for cell in cells:
        counts = cell["counts"]
        assert counts["baseline"] == counts["candidate"], cell
slower = {c["variant"] for c in cells if c["verdict"] == "slower"}
wanted = head["slower"]
if wanted == "nothing":
    assert status in "034" and not slower, slower
elif wanted.endswith(" and others"):
    assert status == "1" and wanted.removesuffix(" and others") in slower
else:
    assert status == "1" and slower == set(wanted.split(", ")), slower
PYTHON
}

# A step of the gate, which ends with 0, or undecided on a noisy machine.
step() {
    local status=0
    echo "--- gate.sh $2"
    rm -rf "$GATE_OUT"
    "$steps" "$2" || status=$?
    case $status in
    0) ;;
    3) echo "NOTE: $1 decided nothing; a quieter machine would" ;;
    4) echo "NOTE: $1 saw this machine change meanwhile" ;;
    *) fail "gate.sh $2 ended with $status" ;;
    esac
    local found
    found=$(dirname "$(find "$GATE_OUT" -name check.json)")
    readable_json "$found/check.json"
    [[ -s $found/summary.md ]] || fail "$found/summary.md is empty"
    well_formed_junit "$found"
}

# JUnit XML with a case per cell of the check, and counts that are true.
well_formed_junit() {
    python3 - "$1" <<'PYTHON' || fail "$1/junit.xml is not what readers know"
import json, sys
import xml.etree.ElementTree as tree

check = json.load(open(sys.argv[1] + "/check.json"))
root = tree.parse(sys.argv[1] + "/junit.xml").getroot()
assert root.tag == "testsuites", root.tag
cases = root.findall("testsuite/testcase")
assert len(cases) == max(1, len(check["cells"])), len(cases)
for suite in root:
    own = suite.findall("testcase")
    assert int(suite.get("tests")) == len(own)
    for tag, name in ("failure", "failures"), ("skipped", "skipped"):
        count = sum(case.find(tag) is not None for case in own)
        assert int(suite.get(name)) == count, name
for case in cases:
    assert case.get("classname") and case.get("name"), case.attrib
failures = root.findall("testsuite/testcase/failure")
assert check["verdict"] == "regression" or not failures, len(failures)
print(f"{len(cases)} cases, {check['verdict']}: {check['line']}")
PYTHON
}

# What services would read: as far as it can be checked without them.
workflows() {
    local unit units=$scratch/units
    if has shellcheck; then
        shellcheck ci/gate.sh
    else
        echo "SKIPPED: no shellcheck for ci/gate.sh" >&2
        bash -n ci/gate.sh
    fi
    if has actionlint; then
        actionlint ci/github-*.yml
    else
        echo "SKIPPED: no actionlint for ci/github-*.yml" >&2
    fi
    if has yamllint; then
        yamllint -d '{extends: relaxed, rules: {line-length: disable}}' \
            ci/*.yml
    elif python3 -c 'import yaml' 2>/dev/null; then
        echo "SKIPPED: no yamllint, ci/*.yml are only read" >&2
        python3 -c 'import sys, yaml
for name in sys.argv[1:]: yaml.safe_load(open(name))' ci/*.yml
    else
        echo "SKIPPED: nothing that reads ci/*.yml" >&2
    fi
    if has systemd-analyze; then
        mkdir -p "$units"
        for unit in ci/ringside-nightly.*; do
            # The program is where the machine has it.
            sed "s|^ExecStart=.*|ExecStart=$PWD/ci/gate.sh nightly|" "$unit" \
                >"$units/$(basename "$unit")"
        done
        systemd-analyze verify "$units"/*
    else
        echo "SKIPPED: no systemd-analyze for ci/ringside-nightly.*" >&2
    fi
}

# A guest of QEMU has our model as its cards: stock Linux brings them up and
# loses nothing; our own driver forwards between them, by resource0 and behind a
# virtual IOMMU, which tells of a wrong address. QEMU and kernel are fetched.
guest() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/ringside/guest status=0
    ci/guest/fetch.sh "$cache" 2>"$scratch/stderr" || status=$?
    if ((status == 3)); then
        echo "SKIPPED: $(<"$scratch/stderr")" >&2
        return
    fi
    ((status == 0)) || fail "fetch.sh: $(<"$scratch/stderr")"
    if has shellcheck; then
        shellcheck ci/guest/*.sh ci/guest/init
    fi
    build_runner
    mkdir -p "$scratch/guest"

    local case size end
    for case in ixgbe ixgbe-iommu; do
        boots $case --wire
        says 'guest: speed of eth0: 10000'
        for size in 56 1472 8000; do
            for end in 1 2; do
                says "$size bytes to 10.0.0.$end: 200 packets .* 0% packet"
            done
        done
        says 'interrupts of eth0: [1-9]'
        says 'interrupts of eth1: [1-9]'
        says 'guest: errors: 0'
    done

    local every='received 1000000, sent 1000000, came back 1000000 good 0 bad'
    for case in resource0 vfio interrupts; do
        boots $case --frames 1000000
        says "^port 0: $every; refused 0 at unmapped"
        says "^port 1: $every; refused 0 at unmapped"
        [[ $case == resource0 ]] || says 'guest: DMAR faults: 0'
        [[ $case != interrupts ]] || says '^port 0: .* [1-9][0-9]* interrupts'
    done

    boots wrong --frames 1000000
    says 'guest: DMAR faults: [1-9]'
    says 'dmesg: .*DMAR: \[DMA Read.* fault addr 0x'
    says '^port 0: received 0, sent 0,'
    says '^port 1: received 0, sent 0,'
}

# What a guest and its server say of a case, as $scratch/guest/CASE.
boots() {
    local case=$1 folder=$scratch/guest iommu=()
    shift
    [[ $case == ixgbe || $case == resource0 ]] || iommu=(--iommu)
    said=$folder/$case
    echo "--- $case"
    "$runner" serve --socket "$folder/0" --socket "$folder/1" --once "$@" \
        >"$said" 2>"$scratch/stderr" &
    victim=$!
    for _ in {1..100}; do
        [[ -S $folder/1 ]] && break
        sleep_ms 20
    done
    timeout 300 ci/guest/boot.sh "${iommu[@]}" --program "$runner" "$cache" \
        "$case" "$folder/0" "$folder/1" >"$said.guest" 2>&1 ||
        { tail -n 40 "$said.guest" && fail "the guest of '$case' failed"; }
    wait "$victim" || fail "serve: $(<"$scratch/stderr")"
    victim=
    cat "$said.guest" >>"$said"
    grep -aE '^(guest|dmesg|port)' "$said" | head -n 40
}

says() {
    grep -aEq -- "$1" "$said" || fail "nobody says '$1': see above"
}

# A run needs neither rights nor a second core.
unprivileged() {
    build_runner
    local out=$scratch/unprivileged first
    mkdir -p "$out"
    first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
    echo "on core $first alone"
    taskset -c "$first" "$runner" \
        sweep --quick --axis status --out "$out/one-core"
    whole_run "$out/one-core"

    if [[ $(id -u) != 0 ]]; then
        echo "SKIPPED: only root can become the user nobody" >&2
        return
    fi
    # The program and the folder have to be where nobody can reach them.
    chmod 755 "$scratch"
    install -m 755 "$runner" "$scratch/bench-runner"
    install -d -o 65534 -g 65534 "$scratch/nobody"
    local nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    nobody+=(env "HOME=$scratch/nobody" "TMPDIR=$scratch/nobody")
    nobody+=("--chdir=$scratch/nobody")
    echo "as nobody"
    "${nobody[@]}" "$scratch/bench-runner" \
        sweep --quick --axis status --out "$scratch/nobody/all"
    whole_run "$scratch/nobody/all"
    echo "as nobody on core $first alone"
    "${nobody[@]}" taskset -c "$first" "$scratch/bench-runner" \
        sweep --quick --axis status --out "$scratch/nobody/one-core"
    whole_run "$scratch/nobody/one-core"
}

# No two variants have one machine code, but for those of which the registry
# says so and why; and each shows the allocations and the branches that the
# registry declares of it. What counts them is tried first.
honesty() {
    build_runner
    if [[ $(uname -m) != x86_64 ]]; then
        echo "SKIPPED: only x86-64 machine code can be read" >&2
        return
    fi
    "$runner" explain --all
    if ! obtain valgrind; then
        echo "SKIPPED: no valgrind to count with, try 'apt-get install" \
            "valgrind'" >&2
        return
    fi
    "$runner" counters --self-test
    "$runner" counters --check
}

# Without a C compiler there are no variants in C, and all else is there. The
# tests' own libraries need one, so for them C is left out by name.
without_c() {
    local runner said
    CC=/nonexistent cargo build --bin bench-runner
    runner=$(realpath "${CARGO_TARGET_DIR:-target}/debug/bench-runner")
    said=$("$runner" list)
    grep -q 'without reg=foreign and language=c (no C compiler' \
        <<<"$said" || fail "list does not say what is missing"
    refused 'without language=c .*install' run --variant language=c --batch 32
    "$runner" sweep --axis language --batch 32 --processes 2 --rounds 4 \
        --out "$scratch/without-c" 2>"$scratch/stderr"
    grep -q '^note: without language=c (no C' "$scratch/stderr" ||
        fail "sweep does not say what is missing"
    RINGSIDE_WITHOUT_C=1 cargo test -p variants --lib
}

# Undefined behaviour, looked for by an interpreter: driver, device, and every
# variant once around its rings. The same inputs each time.
miri() {
    if ! cargo +nightly miri --version >/dev/null 2>&1; then
        echo "SKIPPED: no Miri, try" \
            "'rustup toolchain install nightly -c miri,rust-src'" >&2
        return
    fi
    # Isolated from the machine, where proptest would look for old failures.
    local flags="-Zmiri-strict-provenance"
    flags+=" -Zmiri-env-set=PROPTEST_DISABLE_FAILURE_PERSISTENCE=true"
    # Forgotten pointers are collected a tenth as often: they are few.
    flags+=" -Zmiri-provenance-gc=100000"
    export MIRIFLAGS="$flags ${MIRIFLAGS:-}"
    local package
    for package in driver nic-model variants; do
        cargo +nightly miri test -p "$package" --lib
    done
    cargo +nightly miri test -p nic-model --test device small::
}

# Every order in which the threads of a run can meet, and driver and device on
# a ring. Built apart, for the flag counts for every crate.
loom() {
    # Unoptimised, for building takes far longer than the tests.
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/loom" \
        CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=false \
        cargo test -p driver -p bench-runner --lib -- under_loom
}

# Another instruction set: everything builds for AArch64, and the measured code
# and the device pass their tests in an emulator. It runs threads in the
# host's memory order, so it proves the build and not the barriers.
arm() {
    local target=aarch64-unknown-linux-gnu libs
    libs=$(rustc --print target-libdir --target "$target")
    if [[ ! -d $libs ]]; then
        echo "SKIPPED: no $target, try 'rustup target add $target'" >&2
        return
    fi
    if ! has aarch64-linux-gnu-gcc || ! has qemu-aarch64-static; then
        echo "SKIPPED: no linker or emulator for AArch64, try 'apt-get" \
            "install gcc-aarch64-linux-gnu libc6-dev-arm64-cross" \
            "qemu-user-static'" >&2
        return
    fi
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    local runner="qemu-aarch64-static -L /usr/aarch64-linux-gnu"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=$runner
    cargo build --workspace --target "$target"
    cargo test --target "$target" -p driver -p nic-model -p variants
}

# Whatever a file of results holds, it is read or refused in one line, and what
# was read is shown. From the seeds, each target so many inputs.
fuzz() {
    if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
        echo "SKIPPED: no cargo-fuzz, try 'rustup toolchain install nightly'" \
            "and 'cargo install cargo-fuzz'" >&2
        return
    fi
    local target kind
    for target in run pages latency ndr soak reproduction history; do
        kind=${target/pages/run}
        mkdir -p "$scratch/fuzz/$target"
        (cd fuzz && cargo +nightly fuzz run "$target" \
            "$scratch/fuzz/$target" "seeds/$kind" -- -dict=dictionary \
            -runs="${RUNS:-200000}" -max_len=65536 -timeout=10 \
            -print_final_stats=1) >"$scratch/said" 2>&1 || {
            tail -n 60 "$scratch/said"
            fail "$target: the input is in fuzz/artifacts/$target"
        }
        echo "$target: $(grep number_of_executed_units "$scratch/said")"
    done
}

# The page of a report, opened, clicked and printed in a real browser.
browser() {
    if ! obtain chromium; then
        echo "SKIPPED: no browser to open pages in, try 'apt-get install" \
            "chromium'" >&2
        return
    fi
    cargo test -p bench-runner --test browser -- --ignored
}

# Pages of much: their size is checked, their time is told.
pages() {
    cargo test --release -p bench-runner --test page -- \
        --ignored --nocapture --test-threads=1
}

# Beside the tests that measure with it, which would otherwise build it once
# more, with what its tests ask of its dependencies.
build_runner() {
    cargo build --release -p bench-runner --bin bench-runner --test acceptance
    runner=$(realpath "${CARGO_TARGET_DIR:-target}/release/bench-runner")
}

# Shows what a command said only when it fails.
quietly() {
    "$@" >"$scratch/said" 2>&1 || {
        cat "$scratch/said"
        fail "'$*' failed"
    }
}

# The command has to fail with one line that matches.
refused() {
    local words=$1 status=0 lines
    shift
    timeout 60 "$runner" "$@" </dev/null \
        >"$scratch/stdout" 2>"$scratch/stderr" || status=$?
    lines=$(wc -l <"$scratch/stderr")
    cat "$scratch/stderr"
    ((status != 0)) || fail "'$*' should fail"
    ((status < 124)) || fail "'$*' ended with $status"
    ((lines == 1)) || fail "'$*' said $lines lines instead of one"
    grep -Eq -- "$words" "$scratch/stderr" ||
        fail "'$*' should say something that matches '$words'"
}

# Workers end with the runner; what it started has its number as session. One
# that has ended and that nobody has asked about yet counts as gone.
orphans_are_gone() {
    local _ states
    for _ in {1..100}; do
        states=$(ps -s "$1" -o stat= || true)
        [[ $states == *[RSDTt]* ]] || return 0
        sleep_ms 20
    done
    ps -s "$1" -o pid,stat,args || true
    fail "workers outlive their runner by two seconds"
}

readable_json() {
    python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" ||
        fail "$1 is damaged"
}

# Every process and every round that was asked for is there.
whole_run() {
    python3 - "$1/run.json" <<'PYTHON' || fail "$1/run.json is not whole"
import json, sys

run = json.load(open(sys.argv[1]))
setup, cells = run["setup"], len(run["cells"])
assert cells > 0, "no cells"
found = len(run["processes"])
most = setup["processes"] * 5 // 4
assert setup["processes"] <= found <= most, f"{found} processes"
for process in run["processes"]:
    rounds = process["rounds"]
    assert len(rounds) == setup["rounds"], f"{len(rounds)} rounds"
    for one in rounds:
        assert len(one["ticks"]) == cells, f"{len(one['ticks'])} cells"
        for cell, ticks in zip(run["cells"], one["ticks"]):
            # Nothing is done in no time, and nothing else is.
            floor = cell["variant"] == "floor=null"
            assert floor or ticks > 0, f"no time in {cell}"
PYTHON
}

# There are charts, and each is XML.
well_drawn() {
    local charts=()
    mapfile -t charts < <(find "$1" -name '*.svg' | sort)
    ((${#charts[@]} > 0)) || fail "no charts below $1"
    if has xmllint; then
        xmllint --noout "${charts[@]}"
    else
        python3 -c 'import sys, xml.dom.minidom as dom
for chart in sys.argv[1:]: dom.parse(chart)' "${charts[@]}"
    fi
    if has rsvg-convert; then
        local chart
        for chart in "${charts[@]}"; do
            rsvg-convert "$chart" >/dev/null || fail "$chart cannot be drawn"
        done
    fi
    echo "${#charts[@]} charts"
}

# A program of the package of that name, installed where that can be done
# without asking anybody.
obtain() {
    has "$1" && return
    [[ $(id -u) == 0 ]] && has apt-get || return 1
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install -y "$1" || return 1
    has "$1"
}

has() {
    command -v "$1" >/dev/null 2>&1
}

now_ms() {
    echo $(($(date +%s%N) / 1000000))
}

sleep_ms() {
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

fail() {
    echo "error: $*" >&2
    exit 1
}

# Cleans up, and names the check that a failure happened in.
finish() {
    local status=$?
    if [[ -n $victim ]]; then
        kill -KILL "$victim" 2>/dev/null || true
    fi
    if [[ -n $pages_before ]]; then
        echo "$pages_before" \
            >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
    fi
    rm -rf "$scratch"
    if ((status != 0)) && [[ -n $current ]]; then
        echo "=== $current FAILED after $((SECONDS - started)) s ===" >&2
    fi
}

current=
victim=
pages_before=
started=0
renew="cargo run --release -- report $RECORDED $FIGURES"
renew+=" --gallery plots --into PAGE"
scratch=$(mktemp -d)
trap finish EXIT

if (($# == 0)); then
    set -- "${CHECKS[@]}"
fi
for check in "$@"; do
    if [[ " ${CHECKS[*]} ${SLOW[*]} " != *" $check "* ]]; then
        fail "no check '$check': there are ${CHECKS[*]} ${SLOW[*]}"
    fi
done
for check in "$@"; do
    current=$check
    started=$SECONDS
    echo "=== $check ==="
    case $check in
    test) check_test ;;
    *) "$check" ;;
    esac
    echo "=== $check ok after $((SECONDS - started)) s ==="
done
current=
