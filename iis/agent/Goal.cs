namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.Threading;
    using Microsoft.Web.Administration;

    /// A state that a slot's site or pool is to come into: it is asked for, and looked at until it is there. Every look has a manager of
    /// its own, because one manager never sees anything new.
    sealed class Goal
    {
        static readonly TimeSpan darkLimit = TimeSpan.FromSeconds(15);
        const int starts = 3; // that IIS took, and that brought nothing

        readonly string slot, part, wanted, step;
        readonly DateTime began = DateTime.Now;
        readonly Dictionary<int, Stopwatch> refusals = new Dictionary<int, Stopwatch>();
        int taken;

        public Goal(string slot, string part, string wanted)
        {
            this.slot = slot;
            this.part = part;
            this.wanted = wanted;
            step = Verb + " the " + part;
        }

        string Verb { get { return wanted == "started" ? "start" : "stop"; } }

        public void Reach(TimeSpan limit)
        {
            var clock = Stopwatch.StartNew();
            var dark = Stopwatch.StartNew();
            for (; ; )
            {
                var seen = Look();
                if (seen == wanted) return;
                if (seen != "unknown") dark.Restart();
                if (seen == "unknown" && dark.Elapsed > darkLimit)
                    throw new Refused("unsettled", "IIS does not say what state " + slot + " is in")
                    { Step = step, Hint = "look at its pool, its bindings and the System log, source WAS" };
                if (clock.Elapsed > limit)
                    throw new Refused("unsettled", string.Format("{0} is {1} instead of {2} after {3:0} s", slot, seen, wanted, limit.TotalSeconds)) { Step = step };
                Thread.Sleep(100); // held by a7-no-hurry
            }
        }

        /// One look, and what follows from it. What is unknown is neither stopped nor started, and nothing is done about it.
        string Look()
        {
            using (var iis = new ServerManager())
            {
                var site = Slots.Find(iis, slot);
                var pool = Slots.Pool(iis, site);
                if (pool == null) throw new Refused("not_found", slot + " has no pool") { Step = step };
                var seen = part == "pool" ? Iis.State(pool) : Iis.State(site);
                if (seen == "unknown") Machine.RefuseStoppedServices(step);
                if (seen == wanted || seen != "started" && seen != "stopped") return seen;
                if (wanted == "started") RefuseFailed();
                Ask(() =>
                {
                    if (part == "pool" && wanted == "started") pool.Start();
                    else if (part == "pool") pool.Stop();
                    else if (wanted == "started") site.Start();
                    else site.Stop();
                });
                return seen;
            }
        }

        /// A pool that IIS did start, and that is stopped again, has failed by itself.
        void RefuseFailed()
        {
            string hindrance;
            if (taken >= starts || taken > 0 && Machine.PoolEvent(slot, began, out hindrance) != null) throw PoolFailed(slot, began, step);
        }

        void Ask(Action act)
        {
            try
            {
                act();
                taken++;
            }
            catch (Exception e)
            {
                var code = Rule.CodeOf(e);
                var rule = Rule.Of(Verb, code);
                if (rule.Class == "iis_stopped") Machine.RefuseStoppedServices(step);
                if (rule.Reaction == Reaction.Done) return; // held by 05-stop-of-a-stopped-pool
                if (!refusals.ContainsKey(code)) refusals[code] = Stopwatch.StartNew();
                if (rule.Reaction == Reaction.Again && refusals[code].Elapsed < rule.Limit) return; // held by 04-cannot-accept-control-messages
                throw Name(rule, code, e);
            }
        }

        Refused Name(Rule rule, int code, Exception e)
        {
            var text = slot + ": " + e.Message;
            if (rule.Class == "port_taken" && code == Rule.InUse) text = "another program listens on the port of " + slot + Machine.Listener(slot);
            else if (rule.Class == "port_taken") text = "another started site owns the binding of " + slot;
            var refused = rule.Refusal(text);
            refused.Step = step;
            return refused;
        }

        public static Refused PoolFailed(string slot, DateTime began, string name)
        {
            string hindrance;
            var why = Machine.PoolEvent(slot, began, out hindrance);
            var log = hindrance == null ? "does not say why" : "cannot be read: " + hindrance;
            return new Refused("pool_failed", why ?? "the pool of " + slot + " stopped by itself, and the event log " + log) { Step = name };
        }
    }
}
