#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/subscriber/DataReader.hpp>
#include <fastdds/dds/subscriber/DataReaderListener.hpp>
#include <fastdds/dds/subscriber/SampleInfo.hpp>
#include <fastdds/dds/subscriber/Subscriber.hpp>
#include <fastdds/dds/topic/TypeSupport.hpp>

#include "ImuPubSubTypes.h"

using namespace eprosima::fastdds::dds;

class Printer : public DataReaderListener {
 public:
  void on_data_available(DataReader* reader) override {
    sensors::Imu imu;
    SampleInfo info;
    while (reader->take_next_sample(&imu, &info) == ReturnCode_t::RETCODE_OK) {
      if (!info.valid_data) continue;
      std::cout << imu.frame() << ' ' << imu.stamp_ns() << ' ' << imu.accel()[2] << std::endl;
      ++printed;
    }
  }

  std::atomic<int> printed{0};
};

int main() {
  auto* const participant = DomainParticipantFactory::get_instance()->create_participant(0, PARTICIPANT_QOS_DEFAULT);
  if (participant == nullptr) return 1;
  TypeSupport type(new sensors::ImuPubSubType);
  type.register_type(participant);
  auto* const topic = participant->create_topic("imu/raw", type.get_type_name(), TOPIC_QOS_DEFAULT);
  auto* const subscriber = participant->create_subscriber(SUBSCRIBER_QOS_DEFAULT);
  DataReaderQos qos = DATAREADER_QOS_DEFAULT;
  qos.reliability().kind = BEST_EFFORT_RELIABILITY_QOS;
  qos.history().depth = 8;
  Printer printer;
  subscriber->create_datareader(topic, qos, &printer);
  for (int i = 0; i < 1'000 && printer.printed < 10; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  participant->delete_contained_entities();
  DomainParticipantFactory::get_instance()->delete_participant(participant);
}
