namespace IisCanary
{
    using System;
    using System.IO;
    using System.Linq;

    /// What to do about an HRESULT: give up, do the whole unit again with a new manager, or take it for done.
    enum Reaction { GiveUp, Again, Done }

    /// What an HRESULT means at a place, as one code of the protocol with a hint for a person. The first row that fits counts. A limit in
    /// seconds is how long Again may go on; without one the number of tries limits it. The name after a row is the vector that needs it.
    sealed class Rule
    {
        public const int InUse = unchecked((int)0x80070020);
        const int Locked = unchecked((int)0x80070021), Changed = unchecked((int)0x800703EE);
        const int NotStarted = unchecked((int)0x80070426), Exists = unchecked((int)0x800700B7);
        const string ManagerException = "Microsoft.Web.Administration.ServerManagerException";

        public readonly string Where, Class, Hint;
        public readonly int Code;
        public readonly Reaction Reaction;
        public readonly TimeSpan Limit;

        Rule(string where, uint code, string kind, Reaction reaction, int seconds, string hint)
        {
            Where = where;
            Code = unchecked((int)code);
            Class = kind;
            Reaction = reaction;
            Limit = TimeSpan.FromSeconds(seconds);
            Hint = hint;
        }

        static readonly Rule[] table =
        {
            new Rule("commit", 0x80070020, "busy", Reaction.Again, 0, "another program holds applicationHost.config open: a deployment, a virus scanner or a backup"), // held by 01-config-locked
            new Rule("commit", 0x800703EE, "busy", Reaction.Again, 0, "another program writes applicationHost.config: stop it, or try again later"), // held by 02-file-has-changed-on-disk
            new Rule("commit", 0x800700B7, "conflict", Reaction.Again, 0, "another program made a site or pool of that name or id"), // held by a7-duplicate-element
            new Rule("commit", 0x80070520, "certificate_missing", Reaction.GiveUp, 0, "http.sys cannot use the certificate's private key: import it for the machine, with its key"),
            new Rule("commit", 0x80070585, "internal", Reaction.GiveUp, 0, "this version of IIS does not know one of the settings"),
            new Rule("start", 0x80070020, "port_taken", Reaction.Again, 5, "find it with: Get-NetTCPConnection -State Listen"), // held by 08-port-of-a-foreign-process
            new Rule("start", 0x800700B7, "port_taken", Reaction.GiveUp, 0, "stop that site first"),
            new Rule("start", 0x800710D8, "unsettled", Reaction.Again, 15, "WAS does not know the site or its pool: look whether both are there, at the bindings and at the System log, source WAS"), // held by 06-object-identifier-not-valid
            new Rule("start", 0x80070425, "unsettled", Reaction.Again, 30, "the pool does not settle: look at the password of its account and at the System log, source WAS"), // held by 04-cannot-accept-control-messages
            new Rule("start", 0x80070426, "iis_stopped", Reaction.Again, 30, "start it with: net start w3svc"), // held by a7-services-still-start
            new Rule("start", 0x80070422, "iis_stopped", Reaction.GiveUp, 0, "WAS or W3SVC is disabled: set its start type to automatic"),
            new Rule("stop", 0x800710D8, "unsettled", Reaction.Again, 15, "WAS does not know the site or its pool: look whether both are there, at the bindings and at the System log, source WAS"), // held by 06-object-identifier-not-valid
            new Rule("stop", 0x80070425, "unsettled", Reaction.Again, 30, "the pool does not settle: look at the System log, source WAS"), // held by 04-cannot-accept-control-messages
            new Rule("stop", 0x80070426, "", Reaction.Done, 0, ""), // held by 05-stop-of-a-stopped-pool
            new Rule("", 0x800706BA, "busy", Reaction.Again, 30, "the service WAS restarts"), // held by a7-was-restarts
            new Rule("", 0x80070005, "access_denied", Reaction.GiveUp, 0, "the account needs an administrator's token: over the network a local account has none unless LocalAccountTokenFilterPolicy is 1"),
            new Rule("", 0x8007000D, "internal", Reaction.GiveUp, 0, "applicationHost.config is malformed, or names a module that is not installed"),
            new Rule("", 0x80070021, "internal", Reaction.GiveUp, 0, "a section is locked: unlock it, or leave it out of web.config"),
            new Rule("", 0x80070490, "not_found", Reaction.GiveUp, 0, "it was removed by somebody else"),
            new Rule("", 0x80040154, "iis_missing", Reaction.GiveUp, 0, "install the Web Server role"),
            new Rule("", 0x80070070, "disk_full", Reaction.GiveUp, 0, "make room on the disk"),
            new Rule("", 0x80070002, "not_found", Reaction.GiveUp, 0, "a file that the site needs is missing"),
            new Rule("", 0x80070003, "not_found", Reaction.GiveUp, 0, "a folder that the site needs is missing"),
        };

        /// Without a row: give up, of no particular kind.
        public static Rule Of(string where, int code)
        {
            return table.FirstOrDefault(r => r.Code == code && (r.Where == "" || r.Where == where)) ?? new Rule(where, unchecked((uint)code), "internal", Reaction.GiveUp, 0, null);
        }

        /// PowerShell and .NET wrap exceptions; the innermost one knows. The runtime makes a FileLoadException of a file that is in use or
        /// locked, too; any other from a commit is "file has changed on disk", whatever its number.
        public static int CodeOf(Exception e)
        {
            while (e.InnerException != null) e = e.InnerException;
            if (e.GetType().FullName == ManagerException) return OfManager(e);
            return e is FileLoadException && e.HResult != InUse && e.HResult != Locked ? Changed : e.HResult;
        }

        /// Start of a site or pool throws one of its own that keeps the HRESULT to itself. Old libraries do not have the type.
        static int OfManager(Exception e)
        {
            var property = e.GetType().GetProperty("ErrorCode");
            switch (property == null ? 0 : Convert.ToInt32(property.GetValue(e, null)))
            {
                case 100: return NotStarted; // WAS does not run
                case 101: return NotStarted; // W3SVC does not, or does not answer
                case 102: return Exists; // another site has the binding
                default: return e.HResult;
            }
        }

        public Refused Refusal(string message)
        {
            return new Refused(Class, message) { HResult = Code, Hint = Hint };
        }
    }
}
