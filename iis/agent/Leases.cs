namespace IisCanary
{
    using System;
    using System.IO;
    using System.Linq;
    using System.Text;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Who may change an app. The lease is a file; whoever has it open exclusively decides.
    static class Leases
    {
        public static object Do(Request request)
        {
            var action = request.Value("action");
            if (action == "read") return new Json { { "lease", Current(request.App) } };
            if (action != "acquire" && action != "renew" && action != "release")
                throw new Refused("bad_request", "a lease has no action " + action);
            var run = request.Value("run");
            var seconds = request.Number("seconds", 0);
            if (run == "") throw new Refused("bad_request", "argument run is missing");
            if (action != "release" && seconds < 1) throw new Refused("bad_request", "a lease of " + seconds + " seconds");
            using (var file = Data.Exclusive(FileOf(request.App)))
            {
                var book = Read(file, request.App);
                if (action == "acquire") Acquire(book, request, run, seconds);
                else Keep(book, request, run, action == "renew" ? seconds : 0);
                Write(file, book);
                return new Json { { "lease", Held(book) ? Public(book) : null } };
            }
        }

        public static Json Current(string app)
        {
            using (var file = Data.Exclusive(FileOf(app)))
            {
                var book = Read(file, app);
                return Held(book) ? Public(book) : null;
            }
        }

        /// As survey tells it, which says what else there is to know where the file cannot be read.
        public static Json CurrentOrNone(string app)
        {
            try { return Current(app); }
            catch (Unreadable) { return null; }
        }

        /// Refuses a change whose lease is not the current one.
        public static void Demand(Request request)
        {
            using (var file = Data.Exclusive(FileOf(request.App)))
            {
                var book = Read(file, request.App);
                if (request.LeaseRun == null || !Mine(book, request.LeaseRun) || request.LeaseGeneration != Generation(book))
                    throw new Refused("fenced", "run " + (request.LeaseRun ?? "(none)") + " does not hold the lease of " + request.App);
            }
        }

        static void Acquire(Json book, Request request, string run, long seconds)
        {
            var same = Held(book) && (string)book["run"] == run;
            var mine = same && (string)book["owner"] == request.Value("owner");
            if (Held(book) && !mine && Lasts(book) && !(same && request.Flag("take_over")))
                throw new Refused("leased", string.Format("run {0} of {1} holds the lease of {2} until {3}: {4}",
                    book["run"], book["owner"], request.App, book["until"], book["reason"]))
                { Result = new Json { { "lease", Public(book) } } };
            if (!mine)
            {
                book["generation"] = Generation(book) + 1;
                book["taken"] = Text.Time(DateTime.UtcNow);
            }
            book["run"] = run;
            book["owner"] = request.Value("owner");
            book["reason"] = request.Value("reason");
            book["until"] = Text.Time(DateTime.UtcNow.AddSeconds(seconds));
        }

        static void Keep(Json book, Request request, string run, long seconds)
        {
            var wrong = request.LeaseRun != null && (request.LeaseRun != run || request.LeaseGeneration != Generation(book));
            if (!Mine(book, run) || wrong)
                throw new Refused("fenced", "run " + run + " does not hold the lease of " + request.App);
            if (seconds == 0) book["run"] = ""; // the generation stays, and goes on from there
            else book["until"] = Text.Time(DateTime.UtcNow.AddSeconds(seconds));
        }

        static bool Held(Json book) { return book.ContainsKey("run") && (string)book["run"] != ""; }
        static bool Lasts(Json book) { return DateTime.UtcNow < Text.Time((string)book["until"]); }
        static bool Mine(Json book, string run) { return Held(book) && (string)book["run"] == run && Lasts(book); }
        static long Generation(Json book) { return book.ContainsKey("generation") ? Convert.ToInt64(book["generation"]) : 0; }

        static Json Public(Json book)
        {
            return new Json
            {
                { "run", book["run"] }, { "owner", book["owner"] }, { "reason", book["reason"] },
                { "generation", Generation(book) }, { "taken", book["taken"] }, { "until", book["until"] },
            };
        }

        static string FileOf(string app) { return Path.Combine(Data.Folder(app, ""), "lease.json"); }

        sealed class Unreadable : Refused
        {
            public Unreadable(string app, string why)
                : base("conflict", FileOf(app) + " cannot be read: nobody knows who holds the lease of " + app + ": " + why)
            {
                Hint = "make sure that no run is at work on this server, then delete %ProgramData%\\iis-canary\\" + app + "\\lease.json";
            }
        }

        static Json Read(Stream file, string app)
        {
            var bytes = new byte[file.Length];
            for (var at = 0; at < bytes.Length; )
            {
                var read = file.Read(bytes, at, bytes.Length - at);
                if (read <= 0) break;
                at += read;
            }
            if (bytes.Length == 0) return new Json();
            try { return Sound(Text.Parse(Encoding.UTF8.GetString(bytes))); }
            catch (SystemException e) { throw new Unreadable(app, e.Message); } // no JSON, or not what Write writes
        }

        static Json Sound(Json book)
        {
            Generation(book);
            if (!Held(book)) return book;
            foreach (var text in new[] { "owner", "reason", "taken" })
                if (!(book[text] is string)) throw new FormatException(text + " is no text");
            Lasts(book);
            return book;
        }

        /// In the place of what was there, and with blanks behind it where that was longer: a file that is emptied first is empty after a power failure.
        static void Write(FileStream file, Json book)
        {
            var text = Encoding.UTF8.GetBytes(Text.Json(book));
            var bytes = text.Concat(Enumerable.Repeat((byte)' ', (int)Math.Max(0, file.Length - text.Length))).ToArray();
            file.Position = 0;
            file.Write(bytes, 0, bytes.Length);
            file.Flush(true);
        }
    }
}
