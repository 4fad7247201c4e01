//! A card's folder under `/sys/bus/pci/devices`, played by ordinary files.

use std::fs;
use std::path::{Path, PathBuf};

use driver::bar::Bar0;
use driver::pci::{DEVICES, PciDevice, PciError};
use driver::regs::{BAR0_BYTES, BAR0_MIN_BYTES, EEC, RDT};

const ADDRESS: &str = "0000:03:00.0";

/// A folder of devices, removed in the end.
struct Devices(PathBuf);

impl Devices {
    /// With one supported card, whose kernel driver is bound.
    fn with_card(test: &str) -> Self {
        let devices = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(test));
        let _ = fs::remove_dir_all(&devices.0);
        fs::create_dir_all(devices.path("driver")).expect("folder");
        devices.write("config", &config(0x8086, 0x10FB, 0x02));
        devices.write("driver/unbind", b"");
        devices.write("resource0", &vec![0; BAR0_BYTES]);
        devices
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(ADDRESS).join(file)
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.path(file), bytes).expect("fixture is written");
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).expect("fixture is read")
    }

    fn find(&self) -> Result<PciDevice, PciError> {
        PciDevice::find(&self.0, ADDRESS)
    }

    fn card(&self) -> PciDevice {
        self.find().expect("a supported card")
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Configuration space of 64 bytes; every other byte tells its place.
fn config(vendor: u16, device: u16, class: u8) -> Vec<u8> {
    let mut config: Vec<u8> = (0..64).collect();
    config[0..2].copy_from_slice(&vendor.to_le_bytes());
    config[2..4].copy_from_slice(&device.to_le_bytes());
    config[0x0B] = class;
    config
}

#[test]
fn every_listed_card_is_found_by_its_name() {
    let devices = Devices::with_card("found");
    for (id, name, media) in DEVICES {
        devices.write("config", &config(0x8086, *id, 0x02));
        assert_eq!(devices.card().name(), *name);
        assert_eq!(devices.card().media(), *media);
    }
}

#[test]
fn an_address_without_a_device_is_refused() {
    let devices = Devices::with_card("missing");
    let error = PciDevice::find(&devices.0, "0000:04:00.0").unwrap_err();
    assert!(matches!(error, PciError::Missing(_)));
    let text = error.to_string();
    assert!(text.contains("0000:04:00.0: no such PCI device"), "{text}");
}

#[test]
fn a_device_of_another_class_is_refused() {
    let devices = Devices::with_card("class");
    devices.write("config", &config(0x8086, 0x10FB, 0x01));
    let text = devices.find().unwrap_err().to_string();
    assert_eq!(text, "0000:03:00.0: PCI class 0x01 is not a network card");
}

#[test]
fn a_network_card_of_another_family_is_refused() {
    let devices = Devices::with_card("family");
    for (vendor, device) in [(0x8086, 0x1533), (0x15B3, 0x10FB)] {
        devices.write("config", &config(vendor, device, 0x02));
        let text = devices.find().unwrap_err().to_string();
        let wanted = format!("0000:03:00.0: {vendor:04x}:{device:04x} is no");
        assert!(text.starts_with(&wanted), "{text}");
    }
}

#[test]
fn a_short_configuration_space_is_an_error_that_names_the_file() {
    let devices = Devices::with_card("short");
    devices.write("config", &[0x86, 0x80]);
    let text = devices.find().unwrap_err().to_string();
    assert!(text.contains("0000:03:00.0/config: "), "{text}");
}

#[test]
fn bus_mastering_is_switched_on_and_all_else_stays() {
    let devices = Devices::with_card("master");
    let mut wanted = config(0x8086, 0x10FB, 0x02);
    wanted[4..6].copy_from_slice(&[0x03, 0x05]);
    devices.write("config", &wanted);
    for _ in 0..2 {
        devices.card().enable_bus_master().expect("config is writable");
        wanted[4] = 0x07;
        assert_eq!(devices.read("config"), wanted);
    }
}

#[test]
fn unbinding_writes_the_address() {
    let devices = Devices::with_card("unbind");
    devices.card().unbind().expect("the file is writable");
    assert_eq!(devices.read("driver/unbind"), ADDRESS.as_bytes());
}

#[test]
fn a_card_without_a_kernel_driver_needs_no_unbinding() {
    let devices = Devices::with_card("unbound");
    fs::remove_dir_all(devices.path("driver")).expect("removed");
    devices.card().unbind().expect("nothing to do");
    assert!(!devices.path("driver").exists());
}

#[test]
fn unbinding_reports_a_file_that_cannot_be_written() {
    let devices = Devices::with_card("unwritable");
    fs::remove_file(devices.path("driver/unbind")).expect("removed");
    fs::create_dir(devices.path("driver/unbind")).expect("folder");
    let text = devices.card().unbind().unwrap_err().to_string();
    assert!(text.contains("driver/unbind: "), "{text}");
}

#[test]
#[cfg_attr(miri, ignore = "maps a file")]
fn the_mapped_registers_are_the_file() {
    let devices = Devices::with_card("mapped");
    let mut file = vec![0; BAR0_BYTES];
    file[0x10010..0x10014].copy_from_slice(&[0x44, 0x33, 0x22, 0x11]);
    devices.write("resource0", &file);
    let mapping = devices.card().map_bar0().expect("large enough");
    let bar = mapping.bar();
    assert_eq!(bar.read32(EEC.offset()), 0x1122_3344);
    bar.write32(RDT.at(1), 0xA1B2_C3D4);
    bar.set_bits(RDT.at(1), 0x0000_0008);
    assert_eq!(bar.read32(RDT.at(1)), 0xA1B2_C3DC);
    file[0x01058..0x0105C].copy_from_slice(&[0xDC, 0xC3, 0xB2, 0xA1]);
    assert_eq!(devices.read("resource0"), file);
}

#[test]
#[cfg_attr(miri, ignore = "maps a file")]
fn a_bar_that_just_holds_every_register_is_enough() {
    let devices = Devices::with_card("exact");
    devices.write("resource0", &vec![0; BAR0_MIN_BYTES]);
    devices.card().map_bar0().expect("large enough");
}

#[test]
fn a_small_bar_is_refused() {
    let devices = Devices::with_card("small");
    devices.write("resource0", &vec![0; BAR0_MIN_BYTES - 1]);
    let error = devices.card().map_bar0().unwrap_err();
    assert!(matches!(error, PciError::SmallBar(_, 74915)));
    let text = error.to_string();
    let wanted = "resource0: 74915 bytes, an 82599 has at least 74916";
    assert!(text.ends_with(wanted), "{text}");
}

#[test]
fn a_card_without_registers_is_an_error_that_names_the_file() {
    let devices = Devices::with_card("none");
    fs::remove_file(devices.path("resource0")).expect("removed");
    let text = devices.card().map_bar0().unwrap_err().to_string();
    assert!(text.contains("0000:03:00.0/resource0: "), "{text}");
}
