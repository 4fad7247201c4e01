#!/usr/bin/env bash
# DPDK's testpmd as Debian ships it, without installing anything.
#
#     ci/dpdk/testpmd.sh fetch              packages, unpacked in a cache
#     ci/dpdk/testpmd.sh run PORT PORT ...  testpmd on two ports
#
# The cache is ${XDG_CACHE_HOME:-~/.cache}/ringside/dpdk. `fetch` exits with 3
# and one line where the packages cannot be had. What follows the ports goes
# to testpmd, after `--forward-mode=io`.
set -Eeuo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/ringside/dpdk
# What has testpmd in it, and a driver that it loads by itself.
wanted=(dpdk-dev)
ring=librte-mempool-ring

main() {
    case ${1:-} in
    fetch) fetch ;;
    run)
        shift
        run "$@"
        ;;
    *)
        echo "usage: $0 fetch | run PORT PORT [OPTION ...]" >&2
        exit 2
        ;;
    esac
}

# Downloads what is not installed, and unpacks it all into one folder.
fetch() {
    local version all=() level
    if ! has apt-get || ! has apt-cache || ! has dpkg; then
        [[ -e $cache/whole ]] || lacking "no apt-get to fetch packages with"
        return
    fi
    version=$(candidate "${wanted[0]}")
    # Without lists of packages: what was fetched once will do.
    if [[ -e $cache/whole && ${version:-none} == none ]] ||
        [[ -e $cache/whole && $(<"$cache/whole") == "$version" ]]; then
        return
    fi
    [[ -n $version ]] ||
        lacking "no package ${wanted[0]} (try 'apt-get update')"

    level=("${wanted[@]}")
    while ((${#level[@]})); do
        all+=("${level[@]}")
        mapfile -t level < <(libraries "${level[@]}" |
            grep -vxFf <(printf '%s\n' "${all[@]}") || true)
    done
    rm -rf "$cache"
    mkdir -p "$cache/packages" "$cache/root"
    (
        cd "$cache/packages"
        apt-get -qq -o APT::Sandbox::User=root download "${all[@]}"
    ) >&2 || lacking "packages of DPDK cannot be downloaded"
    local package
    for package in "$cache"/packages/*.deb; do
        dpkg -x "$package" "$cache/root"
    done
    rm -r "$cache/packages"
    # Not before all of it is there.
    echo "$version" >"$cache/whole"
    echo "DPDK $version is in $cache"
}

# The version of a package that apt would install; nothing where there is none.
candidate() {
    apt-cache policy "$1" 2>/dev/null |
        sed -n 's/^  Candidate: //p' | grep -vFx '(none)' || true
}

# The shared libraries that packages depend on and that this machine lacks.
libraries() {
    local name
    apt-cache depends --important "$@" |
        sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}[-]\{0,1\}Depends: //p' | sort -u |
        while read -r name; do
            case $name in
            *-dev | *"<"*) continue ;;
            lib* | ibverbs-providers) is_installed "$name" || echo "$name" ;;
            esac
        done
    # Loaded at run time, so nothing depends on it.
    if [[ " $* " == *" ${wanted[0]} "* ]]; then
        apt-cache depends --important "${wanted[0]}" |
            sed -n "s/^ *Depends: \(${ring}[0-9]*\)$/\1/p"
    fi
}

is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == \
        installed ]]
}

# One core is enough: the thread that reads commands sleeps most of the time.
run() {
    if (($# < 2)); then
        echo "usage: $0 run PORT PORT [OPTION ...]" >&2
        exit 2
    fi
    local ports=(-a "$1" -a "$2") core folders plugins
    shift 2
    if [[ ! -e $cache/whole ]]; then
        echo "no DPDK in $cache: run '$0 fetch'" >&2
        exit 1
    fi
    core=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
    folders=$(find "$cache/root" -name '*.so*' ! -path '*/pmds-*' \
        -printf '%h\n' | sort -u | paste -sd:)
    plugins=$(find "$cache/root" -type d -name 'pmds-*')
    # Addresses are physical, for there is no IOMMU; rings and batches are as
    # of our own variants. It forwards until its standard input ends.
    LD_LIBRARY_PATH=$folders exec \
        "$cache/root/usr/bin/dpdk-testpmd" \
        --lcores="0@$core,1@$core" "${ports[@]}" --iova-mode=pa -m 64 \
        -d "$plugins" --no-telemetry \
        -- \
        --auto-start --forward-mode=io --rxd=512 --txd=512 --burst=32 \
        --total-num-mbufs=8192 --no-lsc-interrupt --no-rmv-interrupt "$@"
}

lacking() {
    echo "$*" >&2
    exit 3
}

has() {
    command -v "$1" >/dev/null 2>&1
}

main "$@"
