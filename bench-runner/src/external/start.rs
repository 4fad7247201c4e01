//! Starts everything that takes turns, and ends it.

use std::path::Path;
use std::thread;

use super::confine::Order;
use super::contender::{self, Contender, Patience, Staged, ticks};
use super::{Kind, Plan};
use crate::affinity;
use crate::failure::Failure;
use crate::measure::{Bench, EndOfLane, Lane, Task};
use crate::plan;
use crate::results::Setup;

/// One start of all programs.
#[derive(Clone, Copy)]
pub struct Start<'p> {
    /// Who they are.
    pub plan: &'p Plan,
    /// On which cores they are.
    pub setup: &'p Setup,
    /// Ticks per second.
    pub tick_hz: f64,
    /// Where logs go.
    pub folder: &'p Path,
}

impl Start<'_> {
    /// Starts all of them and hands them over, stopped and warm, on the core
    /// of the model.
    ///
    /// # Errors
    ///
    /// When one of them does not start, or what is done with them fails.
    pub fn with<T: Send>(
        self,
        body: impl FnOnce(&mut [Contender<'_>]) -> Result<T, Failure> + Send,
    ) -> Result<T, Failure> {
        // In a thread of its own, which takes its pinning with it.
        let card = || {
            affinity::pin(self.setup.model_core)
                .map_err(Failure::environment)?;
            self.with_threads(body)
        };
        thread::scope(|scope| scope.spawn(card).join())
            .expect("measuring does not panic")
    }

    fn with_threads<T>(
        self,
        body: impl FnOnce(&mut [Contender<'_>]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Self { plan, setup, .. } = self;
        let mut benches = Vec::new();
        for (name, kind) in &plan.contenders {
            let Kind::Thread(variant) = kind else { continue };
            let task = Task::of(plan::find(variant)?, plan.batch);
            let bench = Bench::new(setup.clone(), 0);
            let bench = bench.map_err(Failure::environment)?;
            benches.push((name.clone(), bench, task));
        }
        let lanes: Vec<_> = benches.iter().map(|_| Lane::default()).collect();
        thread::scope(|scope| {
            // All of them end with the scope.
            let _ends: Vec<_> = lanes.iter().map(EndOfLane).collect();
            let mut threads = Vec::new();
            for ((name, bench, task), lane) in benches.iter_mut().zip(&lanes) {
                let card = bench.beside(scope, task, setup.core, lane);
                let mut one = Contender::thread(name.clone(), card, lane);
                let limit = plan.patience;
                one.await_ports(Patience { limit, log: None })?;
                one.stop();
                threads.push(one);
            }
            self.with_programs(threads, body)
        })
    }

    fn with_programs<T>(
        self,
        threads: Vec<Contender<'_>>,
        body: impl FnOnce(&mut [Contender<'_>]) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Self { plan, folder, .. } = self;
        let mut staged = Vec::new();
        let mut logs = Vec::new();
        for (name, kind) in &plan.contenders {
            let Kind::Program(words) = kind else { continue };
            let order = Order {
                huge_pages: plan.huge_pages.clone(),
                words: words.clone(),
                cores: plan.pin.clone(),
            };
            let log = folder.join(format!("{name}.log"));
            staged.push(Staged::new(name, &order, &log)?);
            logs.push(log);
        }
        let mut contenders: Vec<Contender<'_>> = Vec::new();
        for one in &mut staged {
            let mut one = Contender::program(one, plan.format)?;
            let log = folder.join(format!("{}.registers.log", one.name()));
            let log = plan.log_registers.then_some(log);
            let limit = plan.patience;
            one.await_ports(Patience { limit, log: log.as_deref() })?;
            one.stop();
            contenders.push(one);
        }
        contenders.extend(threads);
        for one in &mut contenders {
            one.serve(ticks(plan.warm_up, self.tick_hz))?;
        }
        let done = body(&mut contenders);
        drop(contenders);
        drop(staged);
        logs.iter().for_each(|log| contender::tidy(log));
        done
    }
}
