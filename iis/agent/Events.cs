namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.Globalization;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Text;
    using System.Text.RegularExpressions;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// What the server itself has noted of late about one slot: raw records, few and short. What they mean is the caller's table.
    static class Events
    {
        const int most = 40, longest = 1500, visited = 5000, tail = 256 * 1024;
        public const string HttpEvent = "HttpEvent";
        static readonly string[] system = { "WAS", "W3SVC", HttpEvent };
        static readonly string[] application = { "IIS AspNetCore Module", ".NET Runtime", "Application Error", "ASP.NET ", "W3SVC-WP" };
        static readonly string[] nameless = { HttpEvent, ".NET Runtime", "Application Error" }; // these never tell a site's name
        static readonly Regex worker = new Regex(@"\b(w3wp|dotnet)\.exe\b", RegexOptions.IgnoreCase);

        public static object Read(Request request)
        {
            var slot = new Known(request.Slot);
            var since = DateTime.UtcNow.AddMilliseconds(-request.Number("last_ms", 600000));
            var found = new List<Json>();
            var unread = new List<string>();
            var time = new Within(request.Number("within_ms", 0));
            Try(unread, "System", () => Take("System", system, slot, since, found, time));
            Try(unread, "Application", () => Take("Application", application, slot, since, found, time));
            Try(unread, "HTTPERR", () => TakeErrors(slot, since, found, time));
            var ordered = found.OrderBy(e => (string)e["time"], StringComparer.Ordinal).ToList();
            var left = Math.Max(0, ordered.Count - most);
            return new Json { { "clock", Text.Time(DateTime.UtcNow) }, { "entries", ordered.Skip(left).ToList() }, { "left_off", left }, { "unread", unread } };
        }

        /// The time that reading may take: who asks has a server to put back. What was found by then is told.
        sealed class Within
        {
            readonly Stopwatch clock = Stopwatch.StartNew();
            readonly long limit;

            public Within(long milliseconds) { limit = milliseconds; }

            public void Check()
            {
                if (limit > 0 && clock.Elapsed.TotalMilliseconds >= limit) throw new TimeoutException("not read to its end, the time was up");
            }
        }

        /// What a slot is called in the logs.
        public sealed class Known
        {
            public readonly string Name;
            public readonly List<string> Ports = new List<string>();
            readonly Regex said;

            public Known(string name)
            {
                Name = name;
                var words = Regex.Escape(name);
                try
                {
                    using (var iis = new ServerManager())
                    {
                        var site = iis.Sites[name];
                        if (site != null)
                        {
                            words += "|W3SVC/" + site.Id;
                            Ports.AddRange(Iis.Addresses(site).Select(Listeners.PortOf));
                        }
                    }
                }
                catch (IOException) { }
                catch (COMException) { } // the configuration cannot be read: then the logs matter all the more
                said = new Regex(@"(?<![A-Za-z0-9.-])(" + words + @")(?![A-Za-z0-9-]|\.[A-Za-z0-9])", RegexOptions.IgnoreCase);
            }

            public bool In(string text) { return said.IsMatch(text); }
        }

        /// A log that cannot be read is told of, and hides nothing of the others.
        static void Try(List<string> unread, string log, Action read)
        {
            try { read(); }
            catch (Exception e) { unread.Add(log + ": " + e.Message); }
        }

        static void Take(string name, string[] sources, Known slot, DateTime since, List<Json> found, Within time)
        {
            time.Check();
            using (var log = new EventLog(name))
            {
                var entries = log.Entries;
                for (int i = entries.Count - 1, left = visited; i >= 0 && left > 0; i--, left--)
                {
                    time.Check();
                    var entry = entries[i];
                    if (entry.TimeGenerated.ToUniversalTime() < since.AddSeconds(-1)) return; // these times have whole seconds
                    var source = SourceOf(entry);
                    if (!sources.Any(s => source.Contains(s))) continue;
                    var few = nameless.Any(s => source.Contains(s));
                    if (entry.EntryType == EventLogEntryType.Information && source != HttpEvent) continue;
                    var named = slot.In(entry.Message);
                    if (!named && !few || few && !named && name == "Application" && !worker.IsMatch(entry.Message)) continue;
                    found.Add(Entry(entry.TimeGenerated, name, source, (int)(entry.InstanceId & 0xFFFF), named, 1, entry.Message));
                }
            }
        }

        /// EventLog calls http.sys' provider HttpEvent by its EventSourceName.
        public static string SourceOf(EventLogEntry entry) { return entry.Source == "HTTP" ? HttpEvent : entry.Source; }

        static Json Entry(DateTime time, string log, string source, int id, bool named, int count, string text)
        {
            return new Json
            {
                { "time", Text.Time(time) }, { "log", log }, { "source", source }, { "id", id }, { "named", named }, { "count", count },
                { "text", text.Length > longest ? text.Substring(0, longest) : text },
            };
        }

        /// http.sys' answers that no application gave, counted by status and reason: no addresses, no paths.
        static void TakeErrors(Known slot, DateTime since, List<Json> found, Within time)
        {
            time.Check();
            var folder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.System), @"LogFiles\HTTPERR");
            if (!Directory.Exists(folder)) return;
            var newest = Directory.GetFiles(folder, "httperr*.log").OrderByDescending(f => File.GetLastWriteTimeUtc(f)).FirstOrDefault();
            if (newest == null) return;
            var counted = new Dictionary<string, Json>();
            var fields = new string[0];
            foreach (var line in Lines(newest))
            {
                time.Check();
                if (line.StartsWith("#Fields: ")) fields = line.Substring(9).Trim().Split(' ');
                var values = line.Split(' ');
                if (line.StartsWith("#") || fields.Length == 0 || values.Length < fields.Length) continue;
                Func<string, string> field = name => Array.IndexOf(fields, name) < 0 ? "-" : values[Array.IndexOf(fields, name)];
                DateTime at;
                if (!DateTime.TryParse(field("date") + " " + field("time"), CultureInfo.InvariantCulture,
                    DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out at) || at < since.AddSeconds(-1)) continue;
                var named = string.Equals(field("s-queuename"), slot.Name, StringComparison.OrdinalIgnoreCase);
                int status;
                int.TryParse(field("sc-status"), out status);
                var reason = field("s-reason");
                if (!named && (field("s-queuename") != "-" || !slot.Ports.Contains(field("s-port")))) continue;
                if (status == 0 && !reason.StartsWith("Connection_Abandoned")) continue; // clients that went away
                var key = status + reason + named;
                if (!counted.ContainsKey(key)) found.Add(counted[key] = Entry(at, "HTTPERR", reason, status, named, 0, ""));
                counted[key]["count"] = (int)counted[key]["count"] + 1;
                counted[key]["time"] = Text.Time(at);
            }
        }

        /// The first lines of a file that http.sys has open, which name its columns, and the last ones. What columns there are differs between
        /// versions of Windows.
        static IEnumerable<string> Lines(string path)
        {
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
            {
                using (var reader = new StreamReader(file, Encoding.ASCII))
                {
                    var head = reader.ReadLine();
                    for (; head != null && head.StartsWith("#"); head = reader.ReadLine()) yield return head;
                    var skip = Math.Max(0, file.Length - tail);
                    file.Position = skip;
                    reader.DiscardBufferedData();
                    if (skip > 0) reader.ReadLine(); // a part of one
                    for (string line; (line = reader.ReadLine()) != null; ) yield return line;
                }
            }
        }
    }
}
