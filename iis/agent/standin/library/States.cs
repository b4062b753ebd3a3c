// What runs, of the stand-in for Microsoft.Web.Administration, and how starting it fails.
using System;
using StandIn;
using Json = System.Collections.Generic.Dictionary<string, object>;

namespace Microsoft.Web.Administration
{
    public enum ObjectState { Starting, Started, Stopping, Stopped, Unknown }

    /// What Start throws instead of some of what WAS answers: it tells nothing of the HRESULT, and has no inner exception.
    public sealed class ServerManagerException : Exception
    {
        internal ServerManagerException(string message, int code) : base(message) { ErrorCode = code; }
        public int ErrorCode { get; private set; }

        /// 100: WAS does not run; 101: W3SVC does not, or does not answer; 102: another site has the binding. 0: the HRESULT itself is thrown.
        internal static int Of(string part, uint code)
        {
            if (part == "pool") return code == 0x80070426 ? 100 : 0;
            return code == 0x80070426 || code == 0x80070422 || code == 0x800706BA ? 101 : code == 0x800700B7 ? 102 : 0;
        }
    }

    /// The running state of a site or pool, read once for each manager.
    sealed class Runtime
    {
        readonly string part, name;
        ObjectState? seen;
        public Runtime(string part, string name) { this.part = part; this.name = name; }

        public ObjectState State { get { return (seen ?? (seen = Read())).Value; } }

        /// While the services are down the state is "stopped", without a look at what runs: the pool's where WAS does not run, the site's where
        /// W3SVC does not run or does not answer.
        ObjectState Read()
        {
            try { return Parse(World.Ask("state", Args())); }
            catch (Exception e)
            {
                var code = unchecked((uint)e.HResult);
                if (code == 0x80070426 || part == "site" && code == 0x800706BA) return ObjectState.Stopped;
                throw;
            }
        }

        public ObjectState Act(string verb)
        {
            var args = Args();
            args["verb"] = verb;
            try { return Parse(World.Ask("act", args)); }
            catch (Exception e)
            {
                var own = verb == "start" ? ServerManagerException.Of(part, unchecked((uint)e.HResult)) : 0;
                if (own == 0) throw;
                throw new ServerManagerException(e.Message, own);
            }
        }

        static ObjectState Parse(Json told) { return (ObjectState)Enum.Parse(typeof(ObjectState), (string)told["state"], true); }
        Json Args() { return new Json { { "part", part }, { "name", name } }; }
    }
}
