#include <chrono>
#include <thread>

#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/publisher/DataWriter.hpp>
#include <fastdds/dds/publisher/Publisher.hpp>
#include <fastdds/dds/topic/TypeSupport.hpp>

#include "ImuPubSubTypes.h"

using namespace eprosima::fastdds::dds;

int main() {
  auto* const participant = DomainParticipantFactory::get_instance()->create_participant(0, PARTICIPANT_QOS_DEFAULT);
  if (participant == nullptr) return 1;
  TypeSupport type(new sensors::ImuPubSubType);
  type.register_type(participant);
  auto* const topic = participant->create_topic("imu/raw", type.get_type_name(), TOPIC_QOS_DEFAULT);
  auto* const publisher = participant->create_publisher(PUBLISHER_QOS_DEFAULT);
  DataWriterQos qos = DATAWRITER_QOS_DEFAULT;
  qos.reliability().kind = BEST_EFFORT_RELIABILITY_QOS;
  qos.history().depth = 8;
  auto* const writer = publisher->create_datawriter(topic, qos);
  for (int i = 0; i < 500; ++i) {
    sensors::Imu imu;
    imu.stamp_ns(std::chrono::steady_clock::now().time_since_epoch().count());
    imu.accel({0, 0, 9.81});
    imu.frame("imu_link");
    writer->write(&imu);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  participant->delete_contained_entities();
  DomainParticipantFactory::get_instance()->delete_participant(participant);
}
