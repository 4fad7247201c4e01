#!/usr/bin/env bash
# Boots a guest that has ports of `bench-runner serve`, and shows what it says.
#
#     ci/guest/boot.sh [--iommu] [--program FILE] FOLDER CASE SOCKET...
#
# FOLDER is what fetch.sh filled, CASE one of those in init, and each SOCKET
# becomes a port of the guest. FILE is a program that the guest has as
# /bin/bench-runner, with the libraries it is linked to. No rights are needed.
# Words in QEMU_OPTIONS are added to QEMU's command line.
set -Eeuo pipefail

iommu=
program=
while [[ $1 == --* ]]; do
    case $1 in
    --iommu) iommu=yes ;;
    --program) program=$2 && shift ;;
    *) echo "no option $1" >&2 && exit 2 ;;
    esac
    shift
done
folder=$1
case=$2
shift 2

root=$folder/root
modules=$(echo "$root"/usr/lib/modules/*/kernel)
busybox=$root/usr/bin/busybox
kernel=$(echo "$root"/boot/vmlinuz-*)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What the guest starts with: busybox, its init, and modules in the order in
# which they need each other.
image=$scratch/image
mkdir -p "$image"/{bin,modules,proc,sys,dev,tmp,huge}
cp "$busybox" "$image/bin/busybox"
cp "$(dirname "${BASH_SOURCE[0]}")/init" "$image/init"
if [[ -n $program ]]; then
    cp "$program" "$image/bin/bench-runner"
    while IFS= read -r library; do
        install -D "$library" "$image$library"
    done < <(ldd "$program" | grep -o '/[^ ]*')
fi
for name in virt/lib/irqbypass drivers/vfio/vfio \
    drivers/vfio/vfio_iommu_type1 drivers/vfio/pci/vfio-pci-core \
    drivers/vfio/pci/vfio-pci drivers/dca/dca drivers/net/phy/libphy \
    drivers/net/phy/mdio_devres drivers/net/mdio net/xfrm/xfrm_algo \
    drivers/net/ethernet/intel/ixgbe/ixgbe; do
    "$busybox" xzcat "$modules/$name.ko.xz" \
        >"$image/modules/$(basename "$name").ko"
done
(cd "$image" && find . | "$busybox" cpio -o -H newc 2>/dev/null) \
    >"$scratch/initramfs"

devices=()
if [[ -n $iommu ]]; then
    devices+=(-device "intel-iommu,intremap=on,caching-mode=on")
fi
slot=0
for socket in "$@"; do
    slot=$((slot + 1))
    devices+=(-device "pcie-root-port,id=slot$slot,chassis=$slot,slot=$slot")
    devices+=(-device "$(printf '{"driver": "vfio-user-pci", "bus": "slot%d",
        "socket": {"type": "unix", "path": "%s"}}' "$slot" "$socket")")
done

# QEMU with its own libraries, by its own loader. It would try KVM by itself.
read -ra more <<<"${QEMU_OPTIONS:-}"
libraries=$root/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR=$libraries/qemu
"$root/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" \
    "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" \
    -L "$root/usr/share/seabios" \
    -accel tcg,thread=multi -cpu max -smp 1 -no-reboot \
    -machine q35,memory-backend=memory -m 512M \
    -object memory-backend-memfd,id=memory,size=512M,share=on \
    -nodefaults -display none -serial stdio -monitor none \
    "${devices[@]}" "${more[@]}" -kernel "$kernel" \
    -initrd "$scratch/initramfs" -append "console=ttyS0 quiet panic=-1 \
hugepages=64 case=$case ${iommu:+intel_iommu=on}" </dev/null
