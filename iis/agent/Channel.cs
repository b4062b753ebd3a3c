namespace IisCanary
{
    using System;
    using System.Collections;
    using System.Collections.Generic;
    using System.IO;
    using System.IO.Compression;
    using System.Linq;
    using System.Text;
    using System.Web.Script.Serialization;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Frames: "ICF1", int32 length of the JSON, int32 length of the blob, both little-endian, JSON, blob. A long JSON is packed with raw DEFLATE,
    /// which "ICFZ" says.
    sealed class Channel
    {
        const int Limit = 64 << 20, Long = 4 << 10;
        static readonly byte[] plain = Encoding.ASCII.GetBytes("ICF1"), packed = Encoding.ASCII.GetBytes("ICFZ");
        readonly Stream input, output;

        public Channel(Stream input, Stream output) { this.input = input; this.output = output; }

        public Request Read()
        {
            var head = Exactly(12, true);
            if (head == null) return null; // the other side has hung up
            var body = BitConverter.ToInt32(head, 4);
            var blob = BitConverter.ToInt32(head, 8);
            var deflated = head.Take(4).SequenceEqual(packed);
            if (!deflated && !head.Take(4).SequenceEqual(plain) || body < 2 || body > Limit || blob < 0 || blob > Limit)
                throw new InvalidDataException("the input is no frame");
            var text = Exactly(body, false);
            if (deflated) text = Inflate(text);
            return new Request(Text.Parse(Encoding.UTF8.GetString(text)), Exactly(blob, false));
        }

        public void Write(object answer)
        {
            var body = Encoding.UTF8.GetBytes(Text.Json(answer));
            var deflated = body.Length > Long;
            if (deflated) body = Deflate(body);
            var frame = new byte[12 + body.Length]; // one Write per frame: WinRM returns each Write as a piece of its own
            (deflated ? packed : plain).CopyTo(frame, 0);
            BitConverter.GetBytes(body.Length).CopyTo(frame, 4);
            body.CopyTo(frame, 12);
            output.Write(frame, 0, frame.Length);
            output.Flush();
        }

        static byte[] Deflate(byte[] text)
        {
            var small = new MemoryStream();
            using (var to = new DeflateStream(small, CompressionMode.Compress)) to.Write(text, 0, text.Length);
            return small.ToArray(); // a stream that was closed gives its bytes, too
        }

        static byte[] Inflate(byte[] small)
        {
            var text = new MemoryStream();
            var buffer = new byte[81920];
            using (var from = new DeflateStream(new MemoryStream(small), CompressionMode.Decompress))
                for (int read; (read = from.Read(buffer, 0, buffer.Length)) > 0; text.Write(buffer, 0, read))
                    if (text.Length + read > Limit) throw new InvalidDataException("the input inflates to more than a frame may hold");
            return text.ToArray();
        }

        byte[] Exactly(int count, bool mayEnd)
        {
            var bytes = new byte[count];
            for (var at = 0; at < count; )
            {
                var read = input.Read(bytes, at, count - at);
                if (read <= 0 && at == 0 && mayEnd) return null;
                if (read <= 0) throw new EndOfStreamException("the input ended inside a frame");
                at += read;
            }
            return bytes;
        }
    }

    static class Text
    {
        static JavaScriptSerializer Serializer()
        {
            return new JavaScriptSerializer { MaxJsonLength = int.MaxValue, RecursionLimit = 64 };
        }

        public static string Json(object value) { return Serializer().Serialize(value); }

        public static Json Parse(string text) { return Serializer().Deserialize<Json>(text); }

        /// RFC 3339, UTC, with fractions.
        public static string Time(DateTime at)
        {
            return at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        }

        public static DateTime Time(string at)
        {
            return DateTime.Parse(at, System.Globalization.CultureInfo.InvariantCulture,
                System.Globalization.DateTimeStyles.AdjustToUniversal | System.Globalization.DateTimeStyles.AssumeUniversal);
        }
    }

    /// One request, with its arguments by name. An argument that is missing or of another kind is a bad_request.
    sealed class Request
    {
        public readonly string Id, Op;
        public readonly byte[] Blob;
        readonly Json args, lease;

        public Request(Json json, byte[] blob)
        {
            Id = Member(json, "id") as string ?? "";
            Op = Member(json, "op") as string ?? "";
            args = Member(json, "args") as Json ?? new Json();
            lease = Member(json, "lease") as Json;
            Blob = blob;
        }

        public string App { get { return Value("app", 1); } }
        public string Root { get { return Value("root", 1); } }
        public string LeaseRun { get { return lease == null ? null : Member(lease, "run") as string; } }
        public long LeaseGeneration { get { return lease == null ? 0 : Convert.ToInt64(Member(lease, "generation")); } }

        /// A slot of the app; other names are refused, whatever they are.
        public string Slot
        {
            get
            {
                var name = Value("slot", 1);
                if (!Slots.Family(App).IsMatch(name)) throw new Refused("bad_request", "slot " + name + " is none of " + App);
                return name;
            }
        }

        public string Value(string name) { return Value(name, 0); }

        string Value(string name, int least)
        {
            var value = Member(args, name) as string;
            if (value == null && least == 0) return "";
            if (value == null || value.Length < least) throw new Refused("bad_request", "argument " + name + " is missing");
            return value;
        }

        public bool Flag(string name) { return true.Equals(Member(args, name)); }

        public long Number(string name, long missing)
        {
            var value = Member(args, name);
            return value == null ? missing : Convert.ToInt64(value);
        }

        public Json Object(string name) { return Member(args, name) as Json; }

        public List<string> Texts(string name) { return List(name).Select(x => (string)x).ToList(); }

        public List<Json> Objects(string name) { return List(name).Select(x => (Json)x).ToList(); }

        IEnumerable<object> List(string name)
        {
            var value = Member(args, name);
            if (value == null) return new object[0];
            var list = value as IEnumerable;
            if (list == null || value is string) throw new Refused("bad_request", "argument " + name + " is no list");
            return list.Cast<object>();
        }

        static object Member(Json json, string name)
        {
            object value;
            return json.TryGetValue(name, out value) ? value : null;
        }
    }
}
