namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Diagnostics;
    using System.IO;
    using System.Linq;
    using System.Net;
    using System.Net.Security;
    using System.Security.Cryptography.X509Certificates;
    using Microsoft.Web.Administration;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Warm-up requests from the server to its own site, all on one connection.
    static class Probe
    {
        const SecurityProtocolType Tls12 = (SecurityProtocolType)3072; // old .NET does not name it, and does not offer it by itself

        public static object Run(Request request)
        {
            var slot = request.Slot;
            var address = Address(slot);
            var group = Guid.NewGuid().ToString(); // a connection of our own, not one that an earlier series left open
            var answers = new List<Json>();
            ServicePointManager.SecurityProtocol |= Tls12;
            ServicePointManager.Expect100Continue = false;
            var callback = ServicePointManager.ServerCertificateValidationCallback;
            ServicePointManager.ServerCertificateValidationCallback = Own;
            try
            {
                var more = request.Number("requests", 0);
                for (var i = 0; i <= more; i++)
                {
                    var limit = request.Number(i == 0 ? "first_ms" : "each_ms", 1000);
                    var answer = Ask(request, address, group, TimeSpan.FromMilliseconds(limit));
                    answer["worker"] = Worker(slot);
                    answers.Add(answer);
                    if ((int)answer["status"] == 0) break;
                }
            }
            finally { ServicePointManager.ServerCertificateValidationCallback = callback; }
            return new Json { { "answers", answers } };
        }

        /// The certificate is for the app's public name; the way there is inside this machine.
        static bool Own(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors) { return true; }

        static Uri Address(string slot)
        {
            using (var iis = new ServerManager())
            {
                var binding = Slots.Find(iis, slot).Bindings.FirstOrDefault();
                if (binding == null) throw new Refused("not_found", slot + " has no binding");
                var parts = binding.BindingInformation.Split(':'); // address:port:host
                var port = parts[parts.Length - 2];
                var ip = string.Join(":", parts.Take(parts.Length - 2).ToArray());
                return new Uri(binding.Protocol + "://" + (ip == "*" || ip == "" ? "127.0.0.1" : ip) + ":" + port + "/");
            }
        }

        static Json Ask(Request request, Uri address, string group, TimeSpan limit)
        {
            var http = (HttpWebRequest)WebRequest.Create(new Uri(address, request.Value("path")));
            http.Host = request.Value("host");
            http.UserAgent = request.Value("user_agent");
            http.Proxy = null;
            http.AllowAutoRedirect = false;
            http.KeepAlive = true;
            http.ConnectionGroupName = group;
            http.Timeout = (int)limit.TotalMilliseconds;
            http.ReadWriteTimeout = http.Timeout;
            var header = request.Value("header");
            var answer = new Json { { "status", 0 }, { "bytes", 0L }, { "version", "" }, { "error", "" } };
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
            var buffer = new byte[81920];
            var total = 0L;
            using (var body = response.GetResponseStream())
                for (int read; (read = body.Read(buffer, 0, buffer.Length)) > 0; total += read)
                    if (clock.Elapsed > limit) throw new IOException("no end of the answer after " + limit.TotalMilliseconds + " ms");
            answer["bytes"] = total;
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
