namespace IisCanary
{
    using System;
    using System.Collections.Generic;
    using System.IO;
    using System.Linq;
    using System.Threading;

    /// Folders and files, which others may hold open for a while.
    static class Paths
    {
        const int longestFile = 259, longestFolder = 247; // MAX_PATH without its last character, and less a name of 8.3 below it
        static readonly int[] held = new[] { 0x80070020, 0x80070021, 0x80070005 }.Select(code => unchecked((int)code)).ToArray(); // sharing, lock, access

        public static string Join(string folder, string path) { return Path.Combine(folder, path.Replace('/', Path.DirectorySeparatorChar)); }

        /// A folder's path as it is compared: in full, and without a backslash at its end unless it is a drive; empty where the text is no path.
        public static string Whole(string path)
        {
            try
            {
                var whole = Path.GetFullPath(path);
                return whole.Length > 3 ? whole.TrimEnd('\\') : whole;
            }
            catch (ArgumentException) { return ""; }
            catch (NotSupportedException) { return ""; }
            catch (PathTooLongException) { return ""; }
        }

        /// Refuses a release of which a file would have a longer path below a folder than .NET Framework, and most that runs in IIS, can open.
        public static void Measure(string folder, IEnumerable<string> files)
        {
            foreach (var file in files)
            {
                var whole = Join(folder, file);
                var below = whole.Substring(0, whole.LastIndexOf('\\')); // Path.GetDirectoryName would throw
                if (below.Length > longestFolder)
                    throw new Refused("bad_request", "the folder of " + file + " would have " + below.Length + " characters below " + folder + ", and Windows takes " + longestFolder)
                    { Step = "measure the paths", Hint = "choose a shorter site.root, or shorter paths in the package" };
                if (whole.Length > longestFile)
                    throw new Refused("bad_request", file + " would have " + whole.Length + " characters below " + folder + ", and Windows takes " + longestFile)
                    { Step = "measure the paths", Hint = "choose a shorter site.root, or shorter paths in the package" };
            }
        }

        /// Renames a folder. A virus scanner, or a process that is just ending, may hold a file for a while.
        public static void Rename(string from, string to)
        {
            for (var left = 60; ; left--)
            {
                try
                {
                    Directory.Move(from, to);
                    return;
                }
                catch (IOException)
                {
                    if (left == 0) throw;
                }
                Thread.Sleep(1000); // held by 20-files-locked
            }
        }

        public static void Move(string from, string to) { Closed(50, () => { File.Move(from, to); return 0; }); }

        public static void Remove(string file) { Remove(file, 50); }

        /// Removes a file that may as well stay until the next time.
        public static void Discard(string file)
        {
            try { Remove(file, 5); }
            catch (IOException) { }
            catch (UnauthorizedAccessException) { }
        }

        static void Remove(string file, int tries) { Closed(tries, () => { File.Delete(file); return 0; }); }

        /// Opens a file to write it.
        public static FileStream Write(string file, FileMode mode) { return Closed(50, () => new FileStream(file, mode, FileAccess.Write, FileShare.None)); }

        /// Does something with a file that was closed just now, which a virus scanner then holds for some seconds.
        static T Closed<T>(int tries, Func<T> act)
        {
            for (var left = tries; ; left--)
            {
                try { return act(); }
                catch (Exception e)
                {
                    if (left == 0 || !held.Contains(e.HResult)) throw;
                }
                Thread.Sleep(200); // held by 20-scanner-holds-a-new-file
            }
        }

        /// Deletes a tree; files that somebody still holds open are tried again, for a minute altogether.
        public static void Delete(string folder)
        {
            for (var left = 60; Directory.Exists(folder); left--)
            {
                try
                {
                    Directory.Delete(folder, true);
                    return;
                }
                catch (Exception e)
                {
                    if (e is PathTooLongException || e is DirectoryNotFoundException) left = Math.Min(left, 3); // both: too long for .NET
                    if (left <= 3 && DeleteLong(folder)) return;
                    if (left <= 0 || !(e is IOException || e is UnauthorizedAccessException)) throw;
                }
                if (left == 60) Unprotect(new DirectoryInfo(folder));
                else Thread.Sleep(1000); // held by 20-files-locked
            }
        }

        /// Has cmd delete what an application gave longer paths than .NET Framework takes. Says whether all is gone: rd itself does not.
        static bool DeleteLong(string folder)
        {
            if (folder.Length < 4 || folder[1] != ':' || folder.IndexOfAny(new[] { '"', '%' }) >= 0) return false;
            string said;
            try { Programs.Try("cmd.exe", "/d /c rd /s /q \"\\\\?\\" + folder + "\"", TimeSpan.FromMinutes(2), out said); }
            catch (Refused) { } // as it is seen
            return !Directory.Exists(folder);
        }

        /// Takes the read-only attribute from what is below a folder, and goes through no junction: what is behind one is not ours.
        static void Unprotect(DirectoryInfo folder)
        {
            try
            {
                foreach (var file in folder.GetFiles()) Unprotect(file);
                foreach (var below in folder.GetDirectories().Where(d => (d.Attributes & FileAttributes.ReparsePoint) == 0))
                {
                    Unprotect((FileSystemInfo)below);
                    Unprotect(below);
                }
            }
            catch (IOException) { } // the next try to delete will say so
            catch (UnauthorizedAccessException) { }
        }

        static void Unprotect(FileSystemInfo entry)
        {
            if ((entry.Attributes & (FileAttributes.ReadOnly | FileAttributes.ReparsePoint)) == FileAttributes.ReadOnly) entry.Attributes &= ~FileAttributes.ReadOnly;
        }
    }
}
