#!/usr/bin/env bash
# QEMU and a kernel for the guest, as Debian packages, unpacked into a folder.
#
#     ci/guest/fetch.sh FOLDER
#
# Nothing is installed and no rights are needed. vfio-user needs QEMU 10.1,
# which trixie-backports has; its libraries come with it, for they may be newer
# than this system's. What is there already is not fetched again. Ends with 3
# where the packages cannot be had.
set -Eeuo pipefail

folder=$1
suite=trixie

[[ -e $folder/complete ]] && exit
for name in apt-get dpkg-deb; do
    if ! command -v "$name" >/dev/null; then
        echo "no $name to fetch packages with" >&2
        exit 3
    fi
done

# The mirror that this system fetches from already, where it is Debian's.
mirror=$(grep -hoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 | tr -d ' ') || true
mirror=${mirror:-http://deb.debian.org/debian}
keys=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
exec 9>"$folder/lock"
flock 9
[[ -e $folder/complete ]] && exit

apt=$folder/apt
mkdir -p "$apt"/{lists/partial,archives/partial,etc/preferences.d}
: >"$apt/status"
: >"$apt/etc/sources.list"
for name in $suite $suite-updates $suite-backports; do
    echo "deb [arch=amd64 signed-by=$keys] $mirror $name main"
done >"$apt/etc/sources.list"

private=(-o "Dir::State=$apt" -o "Dir::State::lists=$apt/lists"
    -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
    -o "Dir::Cache::archives=$apt/archives"
    -o "Dir::Etc::sourcelist=$apt/etc/sources.list"
    -o Dir::Etc::sourceparts=- -o "Dir::Etc::preferences=-"
    -o "Dir::Etc::preferencesparts=$apt/etc/preferences.d"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64
    -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Acquire::Retries=3
    -o Acquire::Languages=none -o Dpkg::Use-Pty=0)

# The packages into archives/: QEMU with what it needs, the others alone.
fetch() {
    local kernel
    apt-get "${private[@]}" -o APT::Update::Error-Mode=any -qq update ||
        return
    apt-get "${private[@]}" -qq install --yes --download-only \
        --no-install-recommends --target-release "$suite-backports" \
        qemu-system-x86 || return
    kernel=$(apt-cache "${private[@]}" depends "linux-image-amd64/$suite" |
        sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p')
    cd "$apt/archives" || return
    apt-get "${private[@]}" -qq download "$kernel" "busybox-static/$suite"
}

(fetch) >"$folder/log" 2>&1 || {
    echo "packages cannot be fetched from $mirror:" \
        "$(grep -m 1 '^E:' "$folder/log")" >&2
    exit 3
}

rm -rf "$folder/root"
mkdir "$folder/root"
# /lib and the like are links into /usr, as on the system the packages are for.
mkdir -p "$folder/root/usr"/{bin,sbin,lib,lib64}
for name in bin sbin lib lib64; do
    ln -s "usr/$name" "$folder/root/$name"
done
for package in "$apt"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar --extract --directory "$folder/root" --keep-directory-symlink \
            --no-same-owner
done
rm -rf "$apt"
touch "$folder/complete"
