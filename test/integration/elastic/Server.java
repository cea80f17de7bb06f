import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.settings.Settings;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/**
 * A node on loopback, without the distribution. Its arguments are the directory for its
 * data and a file; once it serves, the file holds the port of its HTTP.
 */
public class Server extends Node {
    Server(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "weir-test"), List.of(Netty4Plugin.class), true);
    }

    public static void main(String[] args) throws Exception {
        Server server = new Server(Settings.builder()
            .put("path.home", args[0])
            .put("cluster.name", "weir-test")
            .put("discovery.type", "single-node")
            .put("http.host", "127.0.0.1").put("http.port", "0").put("http.type", "netty4")
            .put("http.max_content_length", "1mb")
            .put("transport.host", "127.0.0.1").put("transport.port", "0").put("transport.type", "netty4")
            .put("cluster.routing.allocation.disk.threshold_enabled", "false")
            .build());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                server.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        server.start();
        int port = server.injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
        Files.writeString(Path.of(args[1]), port + "\n");
        new CountDownLatch(1).await();
    }
}
