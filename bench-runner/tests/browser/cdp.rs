//! A browser without a window, spoken to over two pipes in its debugging
//! protocol: texts of JSON, a zero byte after each.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing that a browser is asked for takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Started by a shell, which can give it the file descriptors 3 and 4.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu \
                     --disable-background-networking \
                     --disable-component-update --disable-sync \
                     --hide-scrollbars --remote-debugging-pipe \
                     --user-data-dir=\"$FOLDER\" about:blank \
                     3<\"$ORDERS\" 4>\"$ANSWERS\"";

/// A browser with one page.
pub struct Browser {
    process: Child,
    orders: File,
    answers: Receiver<Value>,
    /// What it told unasked.
    events: Vec<Value>,
    last: u64,
    session: Option<String>,
    _folder: TempDir,
}

impl Browser {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [orders, answers] = ["orders", "answers"].map(|name| {
            let path = folder.path().join(name);
            let mode = Mode::RUSR | Mode::WUSR;
            mknodat(CWD, &path, FileType::Fifo, mode, 0).expect("a pipe");
            path
        });
        let process = Command::new("sh")
            .args(["-c", START])
            .env("FOLDER", folder.path().join("profile"))
            .env("ORDERS", &orders)
            .env("ANSWERS", &answers)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        // Each waits for the other end, in the order of the shell's.
        let orders = File::options().write(true).open(&orders).expect("open");
        let answers = BufReader::new(File::open(&answers).expect("open"));
        let (say, heard) = channel();
        thread::spawn(move || {
            for text in answers.split(0) {
                let Ok(text) = text else { return };
                let answer = serde_json::from_slice(&text).expect("JSON");
                if say.send(answer).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            process,
            orders,
            answers: heard,
            events: Vec::new(),
            last: 0,
            session: None,
            _folder: folder,
        };
        browser.attach();
        browser
    }

    fn attach(&mut self) {
        let page =
            self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let order = json!({ "targetId": page["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", order);
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for part in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{part}.enable"), json!({}));
        }
    }

    /// Has something done and waits for the answer.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut order =
            json!({ "id": self.last, "method": method, "params": params });
        if let Some(session) = &self.session {
            order["sessionId"] = session.as_str().into();
        }
        let text = format!("{order}\0");
        self.orders.write_all(text.as_bytes()).expect("a browser");
        loop {
            let answer = self.next(method);
            if answer["id"] != self.last {
                self.events.push(answer);
                continue;
            }
            let error = &answer["error"];
            assert!(error.is_null(), "{method}: {error}");
            return answer["result"].clone();
        }
    }

    fn next(&self, waiting_for: &str) -> Value {
        self.answers.recv_timeout(PATIENCE).unwrap_or_else(|why| {
            panic!("the browser does not answer to {waiting_for}: {why}")
        })
    }

    /// Opens a file and waits until all of it is there.
    pub fn open(&mut self, file: &Path) {
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        while !self.has_told("Page.loadEventFired") {
            let event = self.next("Page.loadEventFired");
            self.events.push(event);
        }
    }

    fn has_told(&self, method: &str) -> bool {
        self.told(method).next().is_some()
    }

    fn told(&self, method: &str) -> impl Iterator<Item = &Value> {
        let ours = self.events.iter().filter(move |e| e["method"] == method);
        ours.map(|event| &event["params"])
    }

    /// The size of the window, as that of a phone or not.
    pub fn size(&mut self, width: u32, height: u32) {
        let order = json!({
            "width": width,
            "height": height,
            "deviceScaleFactor": 1,
            "mobile": width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", order);
    }

    /// What a line of script comes to.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let order = json!({
            "expression": script,
            "returnByValue": true,
            "awaitPromise": true,
        });
        let answer = self.call("Runtime.evaluate", order);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{script}: {thrown}");
        answer["result"]["value"].clone()
    }

    /// The middle of what a selector finds first, in view.
    pub fn middle(&mut self, what: &str) -> (f64, f64) {
        let script = format!(
            "(() => {{ const part = document.querySelector({}); \
             part.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const r = part.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(what)
        );
        let at = self.evaluate(&script);
        let number = |n: usize| at[n].as_f64().expect("a place");
        (number(0), number(1))
    }

    /// Moves the pointer to the middle of something.
    pub fn point_at(&mut self, what: &str) {
        let (x, y) = self.middle(what);
        // Scrolling hides what the pointer showed; let that be over.
        self.evaluate("new Promise(done => setTimeout(done, 100))");
        self.mouse("mouseMoved", x, y);
    }

    /// Clicks at the middle of something.
    pub fn click(&mut self, what: &str) {
        let at = self.middle(what);
        self.click_at(at);
    }

    /// Clicks at a place in the window.
    pub fn click_at(&mut self, (x, y): (f64, f64)) {
        self.mouse("mousePressed", x, y);
        self.mouse("mouseReleased", x, y);
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64) {
        let button = if kind == "mouseMoved" { "none" } else { "left" };
        let order = json!({
            "type": kind, "x": x, "y": y, "button": button, "clickCount": 1,
        });
        self.call("Input.dispatchMouseEvent", order);
    }

    /// Presses a key, such as `Enter`.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut order = json!({ "type": kind, "key": key, "code": key });
            if key == "Enter" && kind == "keyDown" {
                order["text"] = "\r".into();
            }
            self.call("Input.dispatchKeyEvent", order);
        }
    }

    /// Whether the system likes it dark.
    pub fn prefer(&mut self, scheme: &str) {
        let feature =
            json!({ "name": "prefers-color-scheme", "value": scheme });
        let order = json!({ "features": [feature] });
        self.call("Emulation.setEmulatedMedia", order);
    }

    /// Pictures of the upper part of the page.
    pub fn picture(&mut self, width: u32, from: u32, height: u32) -> Vec<u8> {
        let clip = json!({
            "x": 0, "y": from, "width": width, "height": height, "scale": 1,
        });
        let order = json!({
            "format": "png", "clip": clip, "captureBeyondViewport": true,
        });
        bytes(&self.call("Page.captureScreenshot", order))
    }

    /// The page on paper.
    pub fn print(&mut self) -> Vec<u8> {
        let order = json!({ "printBackground": true });
        bytes(&self.call("Page.printToPDF", order))
    }

    /// All addresses that were asked for.
    pub fn requests(&self) -> Vec<String> {
        self.told("Network.requestWillBeSent")
            .map(|request| request["request"]["url"].to_string())
            .collect()
    }

    /// Whatever went wrong in the page.
    pub fn complaints(&self) -> Vec<String> {
        let errors =
            |e: &&Value| matches!(e["type"].as_str(), Some("error" | "assert"));
        let thrown = self.told("Runtime.exceptionThrown");
        let console = self.told("Runtime.consoleAPICalled").filter(errors);
        let entries = self.told("Log.entryAdded");
        let logged = entries.filter(|e| e["entry"]["level"] == "error");
        let dialogs = self.told("Page.javascriptDialogOpening");
        let all = thrown.chain(console).chain(logged).chain(dialogs);
        all.map(ToString::to_string).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bytes(answer: &Value) -> Vec<u8> {
    let text = answer["data"].as_str().expect("data");
    STANDARD.decode(text).expect("base64")
}
