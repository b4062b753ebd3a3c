import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.elasticsearch.Version;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.Node;

/**
 * One genuine Elasticsearch node on a free port of 127.0.0.1, until SIGTERM. Arguments: a folder for everything that it writes, and
 * the jars of its HTTP transport, separated by colons. Prints its address once it answers.
 */
public class Engine {
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]).toRealPath();
        installTransport(home.resolve("modules").resolve("transport-netty4"), List.of(arguments[1].split(":")));
        LogConfigurator.configureESLogging();
        Node node = new Node(new Environment(settings(home), home.resolve("config")));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
        node.start();
        System.out.println("http://" + node.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress());
        Thread.currentThread().join(); // the threads of a node do not keep a process alive
    }

    private static Settings settings(Path home) {
        return Settings.builder()
            .put("path.home", home)
            .put("cluster.name", "genuine")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", "0")
            .put("transport.port", "0")
            .put("node.processors", 2)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
    }

    /** The node loads its transport as a module of its own: a folder with a descriptor and the jars, none of them on the module path. */
    private static void installTransport(Path module, List<String> jars) throws IOException {
        Files.createDirectories(module);
        Files.write(module.resolve("plugin-descriptor.properties"), List.of(
            "name=transport-netty4",
            "description=HTTP and transport",
            "classname=org.elasticsearch.transport.netty4.Netty4Plugin",
            "java.version=17",
            "version=" + Version.CURRENT,
            "elasticsearch.version=" + Version.CURRENT));
        for (String jar : jars) {
            Path from = Path.of(jar);
            Files.createSymbolicLink(module.resolve(from.getFileName()), from);
        }
    }

    private static void close(Node node) {
        try {
            node.close();
            node.awaitClose(5, TimeUnit.SECONDS);
        } catch (Exception e) {
            e.printStackTrace();
        }
    }
}
