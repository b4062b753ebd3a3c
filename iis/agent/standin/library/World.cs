// The other side of the stand-in: a simulated Windows server that holds the sites, pools, workers and all else. It is asked
// over a loopback socket, one JSON object per line and one line back. What it refuses is thrown as Windows throws it.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Web.Script.Serialization;
using Json = System.Collections.Generic.Dictionary<string, object>;

namespace StandIn
{
    public static class World
    {
        static readonly object turn = new object();
        static StreamReader from;
        static StreamWriter to;

        /// The local folder that holds the drives: D:\x is <Root>/d/x.
        public static string Root;

        /// Divides the agent's pauses and waits.
        public static double Speed = 1;

        public static void Connect(int port, string token)
        {
            var stream = new TcpClient("127.0.0.1", port) { NoDelay = true }.GetStream();
            from = new StreamReader(stream, new UTF8Encoding(false));
            to = new StreamWriter(stream, new UTF8Encoding(false)) { AutoFlush = true };
            to.WriteLine(token);
        }

        public static Json Ask(string what, Json args)
        {
            args["ask"] = what;
            var serializer = new JavaScriptSerializer { MaxJsonLength = int.MaxValue };
            string line;
            lock (turn)
            {
                to.WriteLine(serializer.Serialize(args));
                line = from.ReadLine();
            }
            if (line == null) throw new InvalidOperationException("the simulated server has gone");
            var answer = serializer.Deserialize<Json>(line);
            if (answer.ContainsKey("code")) throw Refusal((string)answer["kind"], (string)answer["message"], Convert.ToInt32(answer["code"]));
            return answer;
        }

        static Exception Refusal(string kind, string message, int code)
        {
            switch (kind)
            {
                case "access": return new UnauthorizedAccessException(message);
                case "io": return new IOException(message, code);
                case "absent": return new ArgumentException(message);
                default: return OfCode(message, code);
            }
        }

        /// The exception that the runtime makes of an HRESULT which a COM call returns (rexcep.h of .NET). Only what it has no type of its
        /// own for becomes a COMException.
        static Exception OfCode(string message, int code)
        {
            switch (unchecked((uint)code))
            {
                case 0x80070020: case 0x80070021: case 0x800703EE: return new NotLoaded(message, code);
                case 0x80070002: return new FileNotFoundException(message);
                case 0x80070003: return new DirectoryNotFoundException(message);
                case 0x80070057: return new ArgumentException(message);
                case 0x80004003: return new NullReferenceException(message);
                case 0x80004001: return new NotImplementedException(message);
                case 0x80070005: return new UnauthorizedAccessException(message);
                default: return new COMException(message, code);
            }
        }
    }

    /// What the runtime makes of a file that is in use (0x80070020), locked (0x80070021) or changed on disk (0x800703EE).
    sealed class NotLoaded : FileLoadException
    {
        public NotLoaded(string message, int code) : base(message) { HResult = code; }
    }
}
