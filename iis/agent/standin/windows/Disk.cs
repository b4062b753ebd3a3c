// The drives of the simulated server. These names hide those of System.IO in the agent's own namespace, so that the agent works with
// Windows' paths: D:\x is <Root>/d/x. Moving and deleting may be hindered by somebody who holds a file open.
namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.Linq;
    using IO = System.IO;

    static class Drive
    {
        public static string Local(string path)
        {
            if (path.Length < 3 || path[1] != ':' || path[2] != '\\') throw new ArgumentException(path + " is no path of a drive");
            return StandIn.World.Root + "/" + char.ToLowerInvariant(path[0]) + "/" + path.Substring(3).Replace('\\', '/');
        }

        public static string Remote(string local)
        {
            var rest = local.Substring(StandIn.World.Root.Length + 1);
            return char.ToUpperInvariant(rest[0]) + ":" + rest.Substring(1).Replace('/', '\\');
        }

        public static void Hinder(string what, string path)
        {
            StandIn.World.Ask("file", new Dictionary<string, object> { { "what", what }, { "path", path } });
        }
    }

    static class Path
    {
        public const char DirectorySeparatorChar = '\\';
        static readonly char[] bad = "\"<>|:*?\\/".ToCharArray().Concat(Enumerable.Range(0, 32).Select(i => (char)i)).ToArray();

        public static char[] GetInvalidFileNameChars() { return bad; }

        public static string Combine(string a, string b)
        {
            if (a == null || b == null) throw new ArgumentNullException();
            return b.Length > 1 && b[1] == ':' ? b : a.TrimEnd('\\') + "\\" + b;
        }

        public static string GetFileName(string path) { return path.Substring(path.LastIndexOf('\\') + 1); }

        public static string GetDirectoryName(string path)
        {
            if (path.Length > 259) throw new IO.PathTooLongException();
            return path.Length < 4 ? null : path.Substring(0, path.LastIndexOf('\\'));
        }


        public static string GetFullPath(string path)
        {
            if (path == "") throw new ArgumentException("The path is not of a legal form.");
            return path;
        }

        public static string GetPathRoot(string path) { return path.Length < 3 || path[1] != ':' ? "" : path.Substring(0, 3); }
        public static string GetFileNameWithoutExtension(string path) { return IO.Path.GetFileNameWithoutExtension(GetFileName(path)); }
    }

    sealed class FileStream : IO.FileStream
    {
        readonly string path;
        public FileStream(string path, IO.FileMode mode, IO.FileAccess access, IO.FileShare share) : base(Free(path), mode, access, share) { this.path = path; }

        public override void SetLength(long length)
        {
            if (length < Length) Drive.Hinder("cut", path);
            base.SetLength(length);
        }

        static string Free(string path)
        {
            Drive.Hinder("open", path);
            return Drive.Local(path);
        }
    }

    static class File
    {
        public static bool Exists(string path) { return IO.File.Exists(Drive.Local(path)); }
        public static void Delete(string path)
        {
            if (Exists(path)) Drive.Hinder("delete", path);
            IO.File.Delete(Drive.Local(path));
        }

        public static void Copy(string from, string to, bool over) { IO.File.Copy(Drive.Local(from), Drive.Local(to), over); }
        public static void Move(string from, string to)
        {
            Drive.Hinder("move", from);
            IO.File.Move(Drive.Local(from), Drive.Local(to));
        }

        public static void Replace(string from, string to, string aside)
        {
            Drive.Hinder("replace", to);
            IO.File.Replace(Drive.Local(from), Drive.Local(to), null);
        }

        public static void SetAccessControl(string path, System.Security.AccessControl.FileSecurity rules)
        {
            if (!Exists(path)) throw new IO.FileNotFoundException(path);
            StandIn.World.Ask("protect", new Dictionary<string, object> { { "path", path }, { "name", Sddl(rules) } });
        }

        static string Sddl(System.Security.AccessControl.FileSecurity rules)
        {
            return rules.GetSecurityDescriptorSddlForm(System.Security.AccessControl.AccessControlSections.Access);
        }

        public static void SetAttributes(string path, IO.FileAttributes what) { IO.File.SetAttributes(Drive.Local(path), what); }
        public static string ReadAllText(string path, System.Text.Encoding how) { return IO.File.ReadAllText(Drive.Local(path), how); }
        public static void WriteAllText(string path, string text, System.Text.Encoding how) { IO.File.WriteAllText(Drive.Local(path), text, how); }
        public static DateTime GetLastWriteTimeUtc(string path) { return IO.File.GetLastWriteTimeUtc(Drive.Local(path)); }
        public static FileStream OpenRead(string path) { return new FileStream(path, IO.FileMode.Open, IO.FileAccess.Read, IO.FileShare.Read); }
    }

    abstract class FileSystemInfo
    {
        protected readonly string path;
        protected FileSystemInfo(string path) { this.path = path; }
        public string FullName { get { return path; } }
        public IO.FileAttributes Attributes { get { return IO.File.GetAttributes(Drive.Local(path)); } set { IO.File.SetAttributes(Drive.Local(path), value); } }
    }

    sealed class FileInfo : FileSystemInfo
    {
        public FileInfo(string path) : base(path) { }
        public bool Exists { get { return File.Exists(path); } }
        public long Length { get { return new IO.FileInfo(Drive.Local(path)).Length; } }
    }

    sealed class DirectoryInfo : FileSystemInfo
    {
        public DirectoryInfo(string path) : base(path) { }

        public void SetAccessControl(System.Security.AccessControl.DirectorySecurity rules)
        {
            var list = rules.GetSecurityDescriptorSddlForm(System.Security.AccessControl.AccessControlSections.Owner | System.Security.AccessControl.AccessControlSections.Access);
            StandIn.World.Ask("secure", new Dictionary<string, object> { { "path", path }, { "name", list } });
        }

        public FileInfo[] GetFiles() { return GetFiles("*", IO.SearchOption.TopDirectoryOnly); }
        public DirectoryInfo[] GetDirectories() { return Directory.GetDirectories(path).Select(d => new DirectoryInfo(d)).ToArray(); }

        /// As in the .NET Framework, everything below also goes through junctions and links.
        public FileInfo[] GetFiles(string pattern, IO.SearchOption depth)
        {
            var all = Directory.Find(path, pattern, IO.SearchOption.TopDirectoryOnly).Select(f => new FileInfo(f));
            if (depth == IO.SearchOption.AllDirectories) all = all.Concat(GetDirectories().SelectMany(d => d.GetFiles(pattern, depth)));
            return all.ToArray();
        }
    }

    static class Directory
    {
        public static bool Exists(string path) { return IO.Directory.Exists(Drive.Local(path)); }
        public static string[] GetFiles(string path) { return GetFiles(path, "*"); }
        public static string[] GetFiles(string path, string pattern) { return Find(path, pattern, IO.SearchOption.TopDirectoryOnly); }
        public static string[] GetDirectories(string path) { return GetDirectories(path, "*"); }

        public static string[] GetDirectories(string path, string pattern)
        {
            return IO.Directory.GetDirectories(Drive.Local(path), pattern).Select(Drive.Remote).ToArray();
        }

        public static DirectoryInfo CreateDirectory(string path)
        {
            IO.Directory.CreateDirectory(Drive.Local(path));
            return new DirectoryInfo(path);
        }

        public static void Move(string from, string to)
        {
            Drive.Hinder("move", from);
            IO.Directory.Move(Drive.Local(from), Drive.Local(to));
            StandIn.World.Ask("moved", new Dictionary<string, object> { { "path", from }, { "name", to } }); // access lists go along
        }

        public static void Delete(string path, bool all)
        {
            Drive.Hinder("delete", path);
            Short(path, 247);
            foreach (var file in IO.Directory.GetFiles(Drive.Local(path))) Short(Drive.Remote(file), 259);
            foreach (var file in IO.Directory.GetFiles(Drive.Local(path)).Where(f => (IO.File.GetAttributes(f) & IO.FileAttributes.ReadOnly) != 0))
                throw new UnauthorizedAccessException("Access to the path '" + IO.Path.GetFileName(file) + "' is denied.");
            foreach (var below in IO.Directory.GetDirectories(Drive.Local(path)))
            {
                if ((IO.File.GetAttributes(below) & IO.FileAttributes.ReparsePoint) != 0) IO.File.Delete(below);
                else Delete(Drive.Remote(below), true);
            }
            IO.Directory.Delete(Drive.Local(path), all);
        }

        static void Short(string path, int limit)
        {
            if (path.Length > limit) throw new IO.PathTooLongException();
        }

        internal static string[] Find(string path, string pattern, IO.SearchOption depth)
        {
            return IO.Directory.GetFiles(Drive.Local(path), pattern, depth).Select(Drive.Remote).ToArray();
        }
    }

    sealed class DriveInfo
    {
        public DriveInfo(string root)
        {
            if (root == "") throw new ArgumentException("a share");
        }

        public long AvailableFreeSpace { get { return Convert.ToInt64(StandIn.World.Ask("machine", new Dictionary<string, object>())["disk_free"]); } }
    }
}
