// The host agent: C# 5, .NET Framework 4.5 and later, nothing that Windows does not have in the box. It is compiled in
// memory and gone when its input ends. Using directives stand inside the namespace, so that the files can follow each other.
namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Answers one request at a time, in order; an id seen before is answered from memory, not done again.
    public sealed class Agent
    {
        const int Remembered = 1000;
        static readonly HashSet<string> changing = new HashSet<string> { "put", "pull", "create", "start", "stop", "own", "prune", "note", "experiment" };

        readonly Dictionary<string, Func<Request, object>> operations = new Dictionary<string, Func<Request, object>>();
        readonly Dictionary<string, object> answers = new Dictionary<string, object>();
        readonly Queue<string> order = new Queue<string>();

        public Agent()
        {
            operations["hello"] = Machine.Hello;
            operations["flush"] = Machine.Flush;
            operations["survey"] = Slots.Survey;
            operations["sections"] = Delegation.Sections;
            operations["requests"] = Slots.Requests;
            operations["events"] = Events.Read;
            operations["perf"] = Load.Read;
            operations["history"] = History.Read;
            operations["start"] = Power.Start;
            operations["stop"] = Power.Stop;
            operations["own"] = Power.Own;
            operations["probe"] = Probe.Run;
            operations["lease"] = Leases.Do;
            operations["note"] = Notes.Append;
            operations["notes"] = Notes.Read;
            operations["certificate"] = Certificates.Look;
            operations["have"] = Parts.Have;
            operations["put"] = Parts.Put;
            operations["pull"] = Pull.Run;
            operations["signers"] = Signers.Look;
            operations["create"] = Creation.Create;
            operations["prune"] = Pruning.Prune;
            operations["experiment"] = Experiments.Do;
        }

        public static int Run(Stream input, Stream output)
        {
            Console.SetOut(TextWriter.Null); // nothing but frames may reach the stream
            var channel = new Channel(input, output);
            var agent = new Agent();
            for (Request request; (request = channel.Read()) != null; ) channel.Write(agent.Answer(request));
            return 0;
        }

        object Answer(Request request)
        {
            object known;
            if (answers.TryGetValue(request.Id, out known)) return known;
            var answer = Do(request);
            answers[request.Id] = answer;
            order.Enqueue(request.Id);
            if (order.Count > Remembered) answers.Remove(order.Dequeue());
            return answer;
        }

        object Do(Request request)
        {
            var answer = new Json { { "id", request.Id } };
            try
            {
                Func<Request, object> operation;
                if (!operations.TryGetValue(request.Op, out operation))
                    throw new Refused("unknown_op", "this agent has no operation " + request.Op);
                if (changing.Contains(request.Op)) Leases.Demand(request);
                answer["result"] = operation(request);
            }
            catch (Exception e)
            {
                var refused = e as Refused;
                if (refused != null && refused.Result != null) answer["result"] = refused.Result;
                answer["error"] = Explain(e);
            }
            return answer;
        }

        static Json Explain(Exception e)
        {
            var refused = e as Refused;
            if (refused != null)
            {
                var known = new Json { { "code", refused.Code }, { "message", refused.Message } };
                if (refused.Step != null) known["step"] = refused.Step;
                if (refused.HResult != 0) known["hresult"] = refused.HResult;
                if (refused.Hint != null) known["hint"] = refused.Hint;
                return known;
            }
            var code = Rule.CodeOf(e);
            var rule = Rule.Of("", code);
            var kind = rule.Class == "internal" && (e is InvalidCastException || e is FormatException) ? "bad_request" : rule.Class;
            var named = new Json { { "code", kind }, { "message", e.GetType().Name + ": " + e.Message }, { "hresult", code } };
            if (rule.Hint != null) named["hint"] = rule.Hint;
            return named;
        }
    }

    /// An operation that says no, with a code of the protocol.
    public class Refused : Exception
    {
        public readonly string Code;
        public string Step, Hint;
        public new int HResult;
        public object Result;
        public Refused(string code, string message) : base(message) { Code = code; }
    }
}
