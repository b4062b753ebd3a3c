namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Net;
    using System.Text;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Warm-up requests from the server to its own site, all on one connection.
    static class Probe
    {
        const int page = 2048; // bytes of an error page that are told

        public static object Run(Request request)
        {
            var slot = request.Slot;
            var chosen = new Chosen(slot, request.Number("port", 0));
            var group = Guid.NewGuid().ToString(); // a connection of our own, not one that an earlier series left open
            var answers = new List<Json>();
            ServicePointManager.Expect100Continue = false;
            var callback = ServicePointManager.ServerCertificateValidationCallback;
            ServicePointManager.ServerCertificateValidationCallback = (sender, certificate, chain, errors) =>
                chosen.Accepts(Certificates.Hex(certificate.GetCertHash()), request.Value("host"));
            try
            {
                Tls.During(() => AskAll(request, chosen.Address, group, answers));
            }
            finally { ServicePointManager.ServerCertificateValidationCallback = callback; }
            return new Json { { "answers", answers } };
        }

        static void AskAll(Request request, Uri address, string group, List<Json> answers)
        {
            var more = request.Number("requests", 0);
            var asked = 0;
            ServicePoint point;
            do
            {
                var limit = request.Number(asked == 0 ? "first_ms" : "each_ms", 1000);
                var answer = Ask(request, address, group, TimeSpan.FromMilliseconds(limit), out point);
                answer["worker"] = Worker(request.Slot);
                answers.Add(answer);
            } while ((int)answers[asked]["status"] != 0 && asked++ < more);
            point.CloseConnectionGroup(group); // or it would count as one of the site's until it has been idle for long
        }

        /// The binding that is asked: where it is, and the certificate on its port. It is for the app's public
        /// name, and the way there is inside this machine.
        sealed class Chosen
        {
            public readonly Uri Address;
            readonly string certificate;

            public Chosen(string slot, long wanted)
            {
                using (var iis = new ServerManager())
                {
                    var all = Slots.Find(iis, slot).Bindings.Where(b => b.Protocol.StartsWith("http")).Where(b => wanted == 0 || b.BindingInformation.Contains(":" + wanted + ":")).ToList();
                    var binding = all.FirstOrDefault(b => wanted != 0 && b.BindingInformation.EndsWith(":")) ?? all.FirstOrDefault(); // the one without a host name
                    if (binding == null) throw new Refused("not_found", slot + " has no binding" + (wanted == 0 ? "" : " on port " + wanted));
                    var parts = binding.BindingInformation.Split(':'); // address:port:host
                    var port = parts[parts.Length - 2];
                    var ip = string.Join(":", parts.Take(parts.Length - 2).ToArray());
                    Address = new Uri(binding.Protocol + "://" + (ip == "*" || ip == "" ? "127.0.0.1" : ip) + ":" + port + "/");
                    certificate = Certificates.Hex(binding.CertificateHash);
                }
            }

            /// .NET sends the host's name (SNI): what http.sys has for that name is as right as what is on the port.
            public bool Accepts(string shown, string host)
            {
                return certificate == "" || shown == certificate || host != "" && shown == Kernel.Named(host.Split(':')[0], Address.Port);
            }
        }

        static Json Ask(Request request, Uri address, string group, TimeSpan limit, out ServicePoint point)
        {
            var http = (HttpWebRequest)WebRequest.Create(new Uri(address, request.Value("path")));
            if (request.Value("host") != "") http.Host = request.Value("host"); // else address and port, as in a health check of the balancer
            http.UserAgent = request.Value("user_agent");
            http.Proxy = null;
            http.AllowAutoRedirect = false;
            http.KeepAlive = true;
            http.ConnectionGroupName = group;
            point = http.ServicePoint;
            http.Timeout = (int)limit.TotalMilliseconds;
            http.ReadWriteTimeout = http.Timeout;
            var header = request.Value("header");
            var answer = new Json { { "status", 0 }, { "bytes", 0L }, { "version", "" }, { "error", "" }, { "server", "" }, { "page", "" } };
            var clock = Stopwatch.StartNew();
            try
            {
                using (var response = Response(http)) Read(response, header, clock, limit, answer);
            }
            catch (WebException e) { Fail(answer, e.Message); }
            catch (IOException e) { Fail(answer, e.Message); }
            answer["ms"] = clock.Elapsed.TotalMilliseconds;
            return answer;
        }

        static void Read(HttpWebResponse response, string header, Stopwatch clock, TimeSpan limit, Json answer)
        {
            answer["status"] = (int)response.StatusCode;
            answer["version"] = header == "" ? "" : response.Headers[header] ?? "";
            answer["server"] = response.Headers["Server"] ?? "";
            var start = new MemoryStream(); // of an error page: it names what is wrong
            var buffer = new byte[81920];
            var total = 0L;
            using (var body = response.GetResponseStream())
                for (int read; (read = body.Read(buffer, 0, buffer.Length)) > 0; total += read)
                {
                    if ((int)answer["status"] >= 400 && start.Length < page) start.Write(buffer, 0, Math.Min(read, page - (int)start.Length));
                    if (clock.Elapsed > limit) throw new IOException("no end of the answer after " + limit.TotalMilliseconds + " ms");
                }
            answer["bytes"] = total;
            answer["page"] = Encoding.UTF8.GetString(start.ToArray());
        }

        static void Fail(Json answer, string why)
        {
            answer["status"] = 0;
            answer["error"] = why;
        }

        /// An answer with any status is an answer.
        static HttpWebResponse Response(HttpWebRequest http)
        {
            try { return (HttpWebResponse)http.GetResponse(); }
            catch (WebException e)
            {
                var response = e.Response as HttpWebResponse;
                if (response == null) throw;
                return response;
            }
        }

        static int Worker(string slot)
        {
            using (var iis = new ServerManager())
                return Iis.Workers(Slots.Pool(iis, Slots.Find(iis, slot))).Select(w => w.ProcessId).FirstOrDefault();
        }
    }
}
