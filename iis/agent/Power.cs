namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.Linq;
    using System.Threading;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Starting and stopping, which last until the next boot, and the flags, which say what happens then.
    static class Power
    {
        static readonly TimeSpan settles = TimeSpan.FromSeconds(60);

        public static object Start(Request request)
        {
            var slot = request.Slot;
            var began = DateTime.Now;
            var before = Known(slot);
            if (!Up(before))
            {
                RefuseTakenPort(slot);
                new Goal(slot, "pool", "started").Reach(settles);
                new Goal(slot, "site", "started").Reach(settles);
            }
            AwaitStable(slot, TimeSpan.FromMilliseconds(request.Number("stable_ms", 2000)), began);
            return Change(!Up(before), before, Known(slot));
        }

        public static object Stop(Request request)
        {
            var slot = request.Slot;
            var before = Known(slot);
            var workers = Processes.Of(Workers(slot), (string)before["path"]);
            var limit = TimeSpan.FromMilliseconds(request.Number("wait_ms", 120000));
            new Goal(slot, "site", "stopped").Reach(settles);
            try { new Goal(slot, "pool", "stopped").Reach(limit); } // it is stopping for as long as its workers may take
            catch (Refused e) { if (e.Code != "unsettled" || (string)Known(slot)["pool"] != "stopping") throw; }
            var gone = "gone";
            gone = Iis.Until(limit, () => Lingers(slot, workers) ? null : "gone"); // held by 10-worker-outlives-the-site
            if (gone == null) RefuseOwn(slot, workers, limit);
            var after = Known(slot);
            RefuseDark(after, "stay stopped");
            if (!Down(after))
                throw new Refused("unsettled", slot + " was started again by somebody else: site " + after["site"] + ", pool " + after["pool"])
                { Step = "stay stopped", Hint = "a drift manager such as Puppet, DSC or Chef may do that: let it leave the sites of this app alone" };
            var change = Change(!Down(before), before, after);
            if (workers.Hindrance != null) change["warnings"] = new[] { "what the workers of " + slot + " had started was not waited for: " + workers.Hindrance };
            else if (workers.Alive.Count > 0)
                change["warnings"] = new[] { "what the workers of " + slot + " had started is still there, and was left alone: " + Processes.Named(workers.Alive) };
            return change;
        }

        /// Only what runs the slot's own code keeps it from being stopped: a worker, dotnet.exe, a program in its folder.
        static void RefuseOwn(string slot, Processes workers, TimeSpan limit)
        {
            var own = workers.Alive.Where(p => p.Own).ToList();
            var unseen = Workers(slot).Where(id => own.All(p => p.Id != id)).Select(id => new Processes.Member { Id = id, Image = "w3wp.exe", Worker = true });
            own.AddRange(unseen);
            if (own.Count == 0) return;
            throw new Refused("worker_lingers", string.Format("{0} of {1} is still there after {2:0} s", Processes.Named(own), slot, limit.TotalSeconds))
            {
                Step = "await the workers",
                Hint = own.Any(p => p.Worker) ? "it may be stuck in a debugger or in a driver, or hold web sockets"
                    : "its worker is gone and has left it behind: see there what it does, or end it with Stop-Process",
            };
        }

        public static object Own(Request request)
        {
            var boot = request.Object("boot") ?? new Json();
            var family = Slots.Family(request.App);
            foreach (var slot in boot.Keys)
                if (!family.IsMatch(slot)) throw new Refused("bad_request", "slot " + slot + " is none of " + request.App);
            var before = boot.Keys.ToDictionary(slot => slot, slot => (object)Known(slot));
            var changed = boot.Any(b => Differs((Json)before[b.Key], (bool)b.Value));
            if (changed)
                Iis.Commit(iis =>
                {
                    foreach (var b in boot)
                    {
                        var site = Slots.Find(iis, b.Key);
                        site.ServerAutoStart = (bool)b.Value;
                        var pool = Slots.Pool(iis, site);
                        if (pool != null) pool.AutoStart = (bool)b.Value;
                    }
                });
            var hindrance = Certificates.Remember(request.App);
            var change = Change(changed, before, boot.Keys.ToDictionary(slot => slot, slot => (object)Known(slot)));
            if (hindrance != null)
                change["warnings"] = new[] { "the certificates on the ports were not written down, so survey may not see that one changes: " + hindrance };
            return change;
        }

        public static Json Change(bool changed, object before, object after)
        {
            return new Json { { "changed", changed }, { "before", before }, { "after", after }, { "warnings", new string[0] } };
        }

        static bool Differs(Json slot, bool boot) { return (bool)slot["site_boot"] != boot || (bool)slot["pool_boot"] != boot; }
        static bool Up(Json slot) { return (string)slot["site"] == "started" && (string)slot["pool"] == "started"; }
        static bool Down(Json slot) { return (string)slot["site"] == "stopped" && (string)slot["pool"] == "stopped"; }

        /// What is unknown while a service is stopped is nobody else's doing.
        static void RefuseDark(Json slot, string step)
        {
            if ((string)slot["site"] == "unknown" || (string)slot["pool"] == "unknown") Machine.RefuseStoppedServices(step);
        }

        static Json Known(string slot)
        {
            var found = Slots.Describe(slot);
            if (found == null) throw new Refused("not_found", "there is no site " + slot);
            return found;
        }

        static void RefuseTakenPort(string slot)
        {
            using (var iis = new ServerManager())
            {
                var mine = new HashSet<string>(Slots.Find(iis, slot).Bindings.Select(b => b.BindingInformation));
                var other = iis.Sites.FirstOrDefault(s => s.Name != slot && Iis.State(s) == "started" &&
                    s.Bindings.Any(b => mine.Contains(b.BindingInformation)));
                if (other != null)
                    throw new Refused("port_taken", "site " + other.Name + " is started on the same binding")
                    { Step = "start the site", HResult = unchecked((int)0x800700B7), Hint = "stop " + other.Name + " first" };
            }
        }

        /// Started proves nothing until it has stayed so, with a worker: a pool that cannot run stops again by itself.
        static void AwaitStable(string slot, TimeSpan stable, DateTime began)
        {
            var clock = Stopwatch.StartNew();
            var since = Stopwatch.StartNew();
            for (; ; )
            {
                var now = Known(slot);
                RefuseDark(now, "stay started");
                if ((string)now["pool"] == "stopped") throw Goal.PoolFailed(slot, began, "start the pool");
                if (!Up(now) || ((List<Json>)now["workers"]).Count == 0) since.Restart();
                if (since.Elapsed >= stable && Up(now)) return;
                if (clock.Elapsed > settles + stable)
                    throw new Refused("unsettled", slot + " has site " + now["site"] + ", pool " + now["pool"] + " and no worker that stays") { Step = "stay started" };
                Thread.Sleep(100); // held by a7-no-hurry
            }
        }

        static List<int> Workers(string slot)
        {
            using (var iis = new ServerManager())
                return Iis.Workers(Slots.Pool(iis, Slots.Find(iis, slot))).Select(w => w.ProcessId).ToList();
        }

        /// A worker that WAS has forgotten is one still, and so is one that appears before the pool is stopped.
        static bool Lingers(string slot, Processes workers)
        {
            if (workers.Alive.Count > 0) return true;
            var pool = (string)Known(slot)["pool"];
            return pool != "started" && pool != "starting" && Workers(slot).Count > 0;
        }
    }
}
