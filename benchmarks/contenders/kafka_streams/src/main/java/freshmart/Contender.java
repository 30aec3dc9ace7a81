package freshmart;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** The job on Kafka Streams: one processor, three RocksDB stores with caching, exactly once. Runs until SIGTERM. */
public final class Contender {
    private static final int LOW = 10;
    private static final int REORDER = 40;
    private static final int FIRST_STOCK = 50;
    private static final List<String> STORES = List.of("seen", "stock", "report");

    record Line(String sku, int quantity, int unit_price, int discount) {}

    record Receipt(
            String receipt_id, String store_id, String till_id, String kind, String sold_at, List<Line> lines) {}

    record Reorder(String store_id, String sku, int quantity, int on_hand, String receipt_id) {}

    static final class Track implements Processor<String, byte[], String, byte[]> {
        private static final byte[] SEEN = {1};
        private static final JsonMapper JSON =
                JsonMapper.builder()
                        .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                        .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                        .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
                        .build();
        private static final ObjectReader RECEIPTS = JSON.readerFor(Receipt.class);
        private static final ObjectWriter REORDERS = JSON.writerFor(Reorder.class);

        private ProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> seen;
        private KeyValueStore<String, byte[]> stock;
        private KeyValueStore<String, byte[]> reports;

        @Override
        public void init(ProcessorContext<String, byte[]> given) {
            context = given;
            seen = given.getStateStore("seen");
            stock = given.getStateStore("stock");
            reports = given.getStateStore("report");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            try {
                track(record);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        private void track(Record<String, byte[]> record) throws IOException {
            Receipt receipt = RECEIPTS.readValue(record.value());
            if (seen.putIfAbsent(receipt.store_id + "/" + receipt.receipt_id, SEEN) != null) {
                return;
            }
            LocalDate date = OffsetDateTime.parse(receipt.sold_at).toLocalDate();
            int day = (int) date.toEpochDay();
            long units = 0;
            long gross = 0;
            long discounts = 0;
            for (Line line : receipt.lines) {
                sell(record, receipt, line, day);
                units += line.quantity;
                gross += (long) line.quantity * line.unit_price;
                discounts += line.discount;
            }
            String key = receipt.store_id + "/" + date;
            byte[] before = reports.get(key);
            ByteBuffer old = before == null ? ByteBuffer.allocate(40) : ByteBuffer.wrap(before);
            ByteBuffer report = ByteBuffer.allocate(40);
            report.putLong(old.getLong() + 1).putLong(old.getLong() + receipt.lines.size());
            report.putLong(old.getLong() + units).putLong(old.getLong() + gross).putLong(old.getLong() + discounts);
            reports.put(key, report.array());
        }

        private void sell(Record<String, byte[]> record, Receipt receipt, Line line, int day) throws IOException {
            String key = receipt.store_id + "/" + line.sku;
            byte[] before = stock.get(key);
            int onHand = FIRST_STOCK;
            int onOrder = 0;
            int soldDay = day;
            int sold = 0;
            if (before != null) {
                ByteBuffer old = ByteBuffer.wrap(before);
                onHand = old.getInt();
                onOrder = old.getInt();
                soldDay = old.getInt();
                sold = old.getInt();
            }
            if (soldDay != day) {
                soldDay = day;
                sold = 0;
            }
            onHand -= line.quantity;
            sold += line.quantity;
            if (onHand + onOrder <= LOW) {
                onOrder += REORDER;
                Reorder order = new Reorder(receipt.store_id, line.sku, REORDER, onHand, receipt.receipt_id);
                context.forward(record.withKey(receipt.store_id).withValue(REORDERS.writeValueAsBytes(order)));
            }
            ByteBuffer article = ByteBuffer.allocate(16);
            stock.put(key, article.putInt(onHand).putInt(onOrder).putInt(soldDay).putInt(sold).array());
        }
    }

    public static void main(String[] arguments) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("BENCH_APP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("BENCH_BOOTSTRAP"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("BENCH_FOLDER"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "1000");
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, String.valueOf(64 << 20));
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        Topology topology = new Topology();
        topology.addSource("sales", new StringDeserializer(), new ByteArrayDeserializer(), System.getenv("BENCH_TOPIC"));
        topology.addProcessor("track", Track::new, "sales");
        for (String store : STORES) {
            topology.addStateStore(
                    Stores.keyValueStoreBuilder(
                                    Stores.persistentKeyValueStore(store), Serdes.String(), Serdes.ByteArray())
                            .withLoggingEnabled(Map.of())
                            .withCachingEnabled(),
                    "track");
        }
        topology.addSink("reorders", System.getenv("BENCH_OUTPUT"), new StringSerializer(), new ByteArraySerializer(), "track");
        KafkaStreams streams = new KafkaStreams(topology, settings);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(
                new Thread(
                        () -> {
                            streams.close();
                            stopped.countDown();
                        }));
        streams.start();
        stopped.await();
    }
}
