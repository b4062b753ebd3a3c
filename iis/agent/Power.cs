namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Threading;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Starting and stopping, which last until the next boot, and the flags, which say what happens then.
    static class Power
    {
        static readonly TimeSpan settles = TimeSpan.FromSeconds(60), step = TimeSpan.FromMilliseconds(100);

        public static object Start(Request request)
        {
            var slot = request.Slot;
            var began = DateTime.Now;
            var before = Known(slot);
            if (!Up(before))
            {
                RefuseTakenPort(slot);
                Drive(slot, "started", began, (iis, site) => State(Slots.Pool(iis, site)), (iis, site) => Slots.Pool(iis, site).Start(), "start the pool");
                Drive(slot, "started", began, (iis, site) => Iis.State(() => site.State), (iis, site) => site.Start(), "start the site");
            }
            AwaitStable(slot, TimeSpan.FromMilliseconds(request.Number("stable_ms", 2000)), began);
            return Change(!Up(before), before, Known(slot));
        }

        public static object Stop(Request request)
        {
            var slot = request.Slot;
            var began = DateTime.Now;
            var before = Known(slot);
            var workers = Workers(slot);
            Drive(slot, "stopped", began, (iis, site) => Iis.State(() => site.State), (iis, site) => site.Stop(), "stop the site");
            Drive(slot, "stopped", began, (iis, site) => State(Slots.Pool(iis, site)), (iis, site) => Slots.Pool(iis, site).Stop(), "stop the pool");
            var limit = TimeSpan.FromMilliseconds(request.Number("wait_ms", 120000));
            var gone = Iis.Until(limit, () => workers.Any(Alive) || Workers(slot).Count > 0 ? null : "gone");
            if (gone == null)
                throw new Refused("worker_lingers", string.Format("worker {0} of {1} is still there after {2:0} s",
                    string.Join(", ", workers.Where(Alive).Select(w => w.Key.ToString()).ToArray()), slot, limit.TotalSeconds))
                { Step = "await the workers", Hint = "it may be stuck in a debugger or in a driver, or hold web sockets" };
            return Change(!Down(before), before, Known(slot));
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
            return Change(changed, before, boot.Keys.ToDictionary(slot => slot, slot => (object)Known(slot)));
        }

        public static Json Change(bool changed, object before, object after)
        {
            return new Json { { "changed", changed }, { "before", before }, { "after", after }, { "warnings", new string[0] } };
        }

        static bool Differs(Json slot, bool boot) { return (bool)slot["site_boot"] != boot || (bool)slot["pool_boot"] != boot; }
        static bool Up(Json slot) { return (string)slot["site"] == "started" && (string)slot["pool"] == "started"; }
        static bool Down(Json slot) { return (string)slot["site"] == "stopped" && (string)slot["pool"] == "stopped"; }
        static string State(ApplicationPool pool) { return pool == null ? "absent" : Iis.State(() => pool.State); }

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
                var other = iis.Sites.FirstOrDefault(s => s.Name != slot && Iis.State(() => s.State) == "started" &&
                    s.Bindings.Any(b => mine.Contains(b.BindingInformation)));
                if (other != null)
                    throw new Refused("port_taken", "site " + other.Name + " is started on the same binding") { Hint = "stop " + other.Name + " first" };
            }
        }

        /// Brings site or pool into a state: asks for it, and looks until it is there.
        static void Drive(string slot, string wanted, DateTime began, Func<ServerManager, Site, string> look, Action<ServerManager, Site> act, string name)
        {
            var seen = "";
            var there = Iis.Until(settles, () =>
            {
                using (var iis = new ServerManager()) // a fresh one each time: it is a snapshot
                {
                    var site = Slots.Find(iis, slot);
                    seen = look(iis, site);
                    if (seen == "absent") throw new Refused("not_found", slot + " has no pool") { Step = name };
                    if (seen == wanted) return seen;
                    if (seen != "starting" && seen != "stopping") Try(() => act(iis, site), slot, wanted, name);
                    return null;
                }
            });
            if (there != null) return;
            if (wanted == "started" && seen == "stopped") throw PoolFailed(slot, began, name);
            throw new Refused("unsettled", slot + " is " + seen + " instead of " + wanted + " after 60 s") { Step = name };
        }

        static void Try(Action act, string slot, string wanted, string name)
        {
            try { act(); }
            catch (COMException e)
            {
                var code = e.ErrorCode;
                if (code == Codes.AlreadyExists && wanted == "started")
                    throw new Refused("port_taken", "another started site owns the binding of " + slot) { Step = name };
                if (code == Codes.SharingViolation && wanted == "started")
                    throw new Refused("port_taken", "another program listens on the port of " + slot)
                    { Step = name, Hint = "find it with: Get-NetTCPConnection -State Listen" };
                var passing = code == Codes.CannotAcceptControl || code == Codes.NoSuchObject || code == Codes.RpcUnavailable ||
                    code == Codes.NotStarted && wanted == "stopped";
                if (!passing) throw;
            }
        }

        /// Started proves nothing until it has stayed so, with a worker: a pool that cannot run stops again by itself.
        static void AwaitStable(string slot, TimeSpan stable, DateTime began)
        {
            var clock = Stopwatch.StartNew();
            var since = Stopwatch.StartNew();
            for (; ; Thread.Sleep(step))
            {
                var now = Known(slot);
                if ((string)now["pool"] == "stopped") throw PoolFailed(slot, began, "stay started");
                if (!Up(now) || ((List<Json>)now["workers"]).Count == 0) since.Restart();
                if (since.Elapsed >= stable && Up(now)) return;
                if (clock.Elapsed > settles + stable)
                    throw new Refused("unsettled", slot + " has site " + now["site"] + ", pool " + now["pool"] + " and no worker that stays") { Step = "stay started" };
            }
        }

        static Refused PoolFailed(string slot, DateTime began, string name)
        {
            var why = Machine.PoolEvent(slot, began);
            return new Refused("pool_failed", why ?? "the pool of " + slot + " stopped by itself, and the event log does not say why") { Step = name };
        }

        /// Process ids with their start times: an id may be given to another process.
        static Dictionary<int, DateTime> Workers(string slot)
        {
            var found = new Dictionary<int, DateTime>();
            using (var iis = new ServerManager())
                foreach (var worker in Iis.Workers(Slots.Pool(iis, Slots.Find(iis, slot))))
                    found[worker.ProcessId] = StartTime(worker.ProcessId) ?? DateTime.MinValue;
            return found;
        }

        static bool Alive(KeyValuePair<int, DateTime> worker) { return StartTime(worker.Key) == worker.Value; }

        static DateTime? StartTime(int pid)
        {
            try { return Process.GetProcessById(pid).StartTime; }
            catch (ArgumentException) { return null; }
            catch (InvalidOperationException) { return null; }
            catch (System.ComponentModel.Win32Exception) { return null; }
        }
    }
}
