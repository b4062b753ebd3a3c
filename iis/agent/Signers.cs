namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Runtime.InteropServices;
    using System.Security.Cryptography;
    using System.Security.Cryptography.X509Certificates;
    using Json = System.Collections.Generic.Dictionary<string, object>;

    /// Who a file's Authenticode signature names. Empty: nobody.
    sealed class Signer
    {
        public string Subject = "", Name = "", Thumbprint = "";
    }

    /// Tells what Windows says of the signatures in files of a slot. It does not judge who may sign.
    static class Signers
    {
        public static object Look(Request request)
        {
            var folder = Path.Combine(request.Root, request.Slot);
            var manifest = Manifest.Read(folder);
            if (manifest == null) throw new Refused("not_found", request.Slot + " has no files on this server") { Step = "find the files" };
            var known = new HashSet<string>(Manifest.Files(manifest).Select(f => f.Path));
            var found = new List<Json>();
            foreach (var path in request.Texts("files"))
            {
                if (!known.Contains(path)) throw new Refused("bad_request", path + " is no file of " + request.Slot);
                found.Add(Tell(path, Paths.Join(folder, path)));
            }
            return new Json { { "files", found } };
        }

        static Json Tell(string path, string file)
        {
            if (!File.Exists(file)) throw new Refused("not_found", path + " is gone from its slot") { Step = "find the files" };
            var code = Wintrust.Verify(file);
            var status = Status(code);
            var signer = status == "unsigned" ? new Signer() : Wintrust.Signer(file);
            return new Json { { "path", path }, { "status", status }, { "hresult", code }, { "subject", signer.Subject }, { "name", signer.Name }, { "thumbprint", signer.Thumbprint } };
        }

        static string Status(int code)
        {
            switch (unchecked((uint)code))
            {
                case 0: return "valid";
                case 0x800B0100: // TRUST_E_NOSIGNATURE
                case 0x800B0003: // TRUST_E_SUBJECT_FORM_UNKNOWN: such a file carries none
                case 0x800B0001: // TRUST_E_PROVIDER_UNKNOWN
                    return "unsigned";
                case 0x80096010: return "altered"; // TRUST_E_BAD_DIGEST
                case 0x800B0109: // CERT_E_UNTRUSTEDROOT
                case 0x800B010A: // CERT_E_CHAINING
                case 0x800B0112: // CERT_E_UNTRUSTEDCA
                case 0x800B0111: // TRUST_E_EXPLICIT_DISTRUST
                case 0x800B0004: // TRUST_E_SUBJECT_NOT_TRUSTED
                    return "untrusted";
                case 0x800B0101: return "expired"; // CERT_E_EXPIRED
                case 0x800B010C: return "revoked"; // CERT_E_REVOKED
                default: return "invalid";
            }
        }
    }

#if !STANDIN
    /// wintrust.dll, which checks a file as Windows itself does before it runs one. Nothing is asked of the network: a server without a way
    /// out would wait for each list of revoked certificates.
    static class Wintrust
    {
        const uint NoUI = 2, RevokeNone = 0, File = 1, Verification = 1, Close = 2, CacheOnly = 0x1000;
        static readonly IntPtr noWindow = new IntPtr(-1);

        [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)]
        struct FileInfo
        {
            public uint Size;
            public string Path;
            public IntPtr Handle, Subject;
        }

        [StructLayout(LayoutKind.Sequential)]
        struct Data
        {
            public uint Size;
            public IntPtr Policy, Sip;
            public uint UI, Revocation, Union;
            public IntPtr Info;
            public uint Action;
            public IntPtr State, Url;
            public uint Flags, Context;
            public IntPtr Settings;
        }

        [DllImport("wintrust.dll", ExactSpelling = true)]
        static extern int WinVerifyTrust(IntPtr window, ref Guid action, ref Data data);

        public static int Verify(string path)
        {
            var generic = new Guid("00AAC56B-CD44-11D0-8CC2-00C04FC295EE"); // WINTRUST_ACTION_GENERIC_VERIFY_V2
            var file = new FileInfo { Size = (uint)Marshal.SizeOf(typeof(FileInfo)), Path = path };
            var info = Marshal.AllocHGlobal((int)file.Size);
            try
            {
                Marshal.StructureToPtr(file, info, false);
                var data = new Data { Size = (uint)Marshal.SizeOf(typeof(Data)), UI = NoUI, Revocation = RevokeNone, Union = File, Info = info, Action = Verification, Flags = CacheOnly };
                var code = WinVerifyTrust(noWindow, ref generic, ref data);
                data.Action = Close; // gives the state back
                WinVerifyTrust(noWindow, ref generic, ref data);
                return code;
            }
            finally
            {
                Marshal.DestroyStructure(info, typeof(FileInfo));
                Marshal.FreeHGlobal(info);
            }
        }

        /// Who signed, also where the signature is not good; nobody where that cannot be told.
        public static Signer Signer(string path)
        {
            try
            {
                var certificate = new X509Certificate2(X509Certificate.CreateFromSignedFile(path));
                return new Signer { Subject = certificate.Subject, Name = certificate.GetNameInfo(X509NameType.SimpleName, false), Thumbprint = certificate.Thumbprint };
            }
            catch (CryptographicException) { return new Signer(); }
        }
    }
#endif
}
